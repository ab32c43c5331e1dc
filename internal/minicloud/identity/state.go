package identity

import (
	"fmt"
	"sync"

	"github.com/gozun/gozun/internal/kv"
)

// table is one kind of record: in memory, and in its bucket on disk.
type table[T any] struct {
	bucket kv.Bucket[T]
	rows   map[string]T
}

func (t *table[T]) load(tx *kv.Tx) (err error) {
	t.rows, err = t.bucket.All(tx)
	return err
}

// put and remove note a change in the batch; memory has it when the disk does.
func (t *table[T]) put(b *batch, key string, row T) {
	b.disk = append(b.disk, func(tx *kv.Tx) error { return t.bucket.Put(tx, key, row) })
	b.memory = append(b.memory, func() { t.rows[key] = row })
}

func (t *table[T]) remove(b *batch, key string) {
	b.disk = append(b.disk, func(tx *kv.Tx) error { return t.bucket.Delete(tx, key) })
	b.memory = append(b.memory, func() { delete(t.rows, key) })
}

// state is everything the service knows.
type state struct {
	projects  table[project]
	users     table[user]
	roles     table[role]
	grants    table[grant]
	tokens    table[tokenRow]
	services  table[catalogService]
	endpoints table[endpoint]
	regions   table[region]
	first     table[first]

	credentials table[credential]

	// writing serialises changes, disk included. mu guards memory only, and is never
	// held while waiting for the disk, so that validation does not wait either.
	writing sync.Mutex
	mu      sync.RWMutex
	db      *kv.DB
}

func open(db *kv.DB) (*state, error) {
	st := &state{db: db}
	st.projects.bucket = "identity.projects"
	st.users.bucket = "identity.users"
	st.roles.bucket = "identity.roles"
	st.grants.bucket = "identity.grants"
	st.tokens.bucket = "identity.tokens"
	st.services.bucket = "identity.services"
	st.endpoints.bucket = "identity.endpoints"
	st.regions.bucket = "identity.regions"
	st.first.bucket = "identity.first"
	st.credentials.bucket = "identity.credentials"
	err := db.View(func(tx *kv.Tx) error {
		for _, load := range []func(*kv.Tx) error{
			st.projects.load, st.users.load, st.roles.load, st.grants.load, st.tokens.load,
			st.services.load, st.endpoints.load, st.regions.load, st.first.load, st.credentials.load,
		} {
			if err := load(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot load the identity service's state: %w", err)
	}
	return st, nil
}

// batch is a change in the making.
type batch struct {
	disk   []func(*kv.Tx) error
	memory []func()
}

// write makes a change: plan reads the state and notes what is to change; then it is on
// disk, then in memory. What plan notes is not yet visible to plan.
func (st *state) write(plan func(b *batch) error) error {
	st.writing.Lock()
	defer st.writing.Unlock()
	b := &batch{}
	// Without mu: only writers change memory, and they take turns.
	if err := plan(b); err != nil {
		return err
	}
	if len(b.disk) == 0 {
		return nil
	}
	err := st.db.Update(func(tx *kv.Tx) error {
		for _, change := range b.disk {
			if err := change(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, change := range b.memory {
		change()
	}
	return nil
}

// read runs look with memory held still; look must not wait for anything.
func (st *state) read(look func()) {
	st.mu.RLock()
	defer st.mu.RUnlock()
	look()
}

// rolesOf returns the roles that a user has in a scope, implied ones included. The caller
// holds the state still.
func (st *state) rolesOf(userID string, s scope) []role {
	if s.empty() {
		return nil
	}
	seen := map[string]bool{}
	roles := []role{}
	waiting := st.grants.rows[grantKey(userID, s)].Roles
	for len(waiting) > 0 {
		id := waiting[0]
		waiting = waiting[1:]
		found, there := st.roles.rows[id]
		if !there || seen[id] {
			continue
		}
		seen[id] = true
		roles = append(roles, found)
		waiting = append(waiting[:len(waiting):len(waiting)], found.Implies...)
	}
	return roles
}

// scopeOpen reports whether tokens may be for the scope: it is there and enabled.
func (st *state) scopeOpen(s scope) bool {
	switch {
	case s.ProjectID != "":
		return st.projects.rows[s.ProjectID].Enabled
	case s.DomainID != "":
		return s.DomainID == defaultDomainID
	}
	return true
}

// revoke notes the removal of the tokens that match.
func (st *state) revoke(b *batch, match func(tokenRow) bool) {
	for key, row := range st.tokens.rows {
		if match(row) {
			st.tokens.remove(b, key)
		}
	}
}

// revokeUser notes the removal of all tokens of a user.
func (st *state) revokeUser(b *batch, userID string) {
	st.revoke(b, func(t tokenRow) bool { return t.UserID == userID })
}

// adminRemains reports whether somebody could still administer the cloud if the grants
// that gone names no longer counted.
func (st *state) adminRemains(gone func(userID, projectID, roleID string) bool) bool {
	for _, g := range st.grants.rows {
		if !st.users.rows[g.UserID].Enabled || !st.projects.rows[g.Scope.ProjectID].Enabled {
			continue
		}
		for _, id := range g.Roles {
			if st.roles.rows[id].Name == roleAdmin && st.isPerson(g.UserID) && !gone(g.UserID, g.Scope.ProjectID, id) {
				return true
			}
		}
	}
	return false
}

// isPerson tells people from the services' own users, whose passwords nobody has.
func (st *state) isPerson(userID string) bool {
	name := st.users.rows[userID].Name
	return name != userZun && name != userKuryr
}
