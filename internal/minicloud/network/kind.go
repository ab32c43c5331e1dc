package network

import (
	"net/http"
	"strconv"
	"strings"
)

// kind is one kind of object: its attributes and its rules. The verbs, the same for all
// kinds, are its methods; what differs is in its functions.
type kind[R record] struct {
	service *Service
	name    string // "security_group", as in a body
	plural  string
	path    string // "security-groups", as in an address

	attributes []attribute[R]
	byName     map[string]*attribute[R]
	filters    map[string]func(values []string) (func(R) bool, error) // besides the attributes

	table   *table[R]
	blank   func() R
	clone   func(R) R
	missing func(id string) *fault
	visible func(caller, R) bool
	scope   func(R) scope
	mayEdit rule
	mayDrop rule
	quota   string // the resource whose limit new ones count against
	tagged  bool
	single  bool // not made in bulk

	// prepare finds what a new record hangs on, before anything is asked of policy.
	prepare func(*work, caller, R, values) error
	// create and update finish a record whose plain attributes are written, and put it
	// in its table; remove takes it out, and what goes with it.
	create func(*work, caller, R, values) error
	update func(w *work, who caller, before, after R, in values) error
	remove func(*work, caller, R) error
	// before runs ahead of lists, to make what must be there on first use.
	before func(*work, caller) error
	// needs reports whether before has something to do.
	needs func(caller) bool
}

func (k *kind[R]) index() *kind[R] {
	k.byName = map[string]*attribute[R]{}
	for i := range k.attributes {
		k.byName[k.attributes[i].name] = &k.attributes[i]
	}
	return k
}

// find returns the object if it is there and the caller may know of it.
func (k *kind[R]) find(who caller, id string) (R, error) {
	r, ok := k.table.get(strings.ToLower(id))
	if !ok || !k.visible(who, r) {
		var none R
		return none, k.missing(shown(id))
	}
	return r, nil
}

func (k *kind[R]) show(req *request) (*reply, error) {
	fields := k.fields(req.query["fields"]...)
	k.service.mu.RLock()
	defer k.service.mu.RUnlock()
	r, err := k.find(req.who, req.id)
	if err != nil {
		return nil, err
	}
	body := appendKey([]byte{'{'}, k.name)
	body = k.render(body, req.who, r, fields)
	return &reply{http.StatusOK, append(body, '}')}, nil
}

func (k *kind[R]) createAll(req *request) (*reply, error) {
	if req.who.readOnly {
		return nil, denied("create", k.name, "")
	}
	bodies, bulk, err := decodeNew(req.body, k.name, k.plural)
	if err != nil {
		return nil, err
	}
	if bulk && k.single {
		return nil, malformed("Bulk operation not supported")
	}
	var accepted []values
	for _, body := range bodies {
		in, err := k.accept(body, true)
		if err != nil {
			return nil, err
		}
		accepted = append(accepted, in)
	}
	var answer []byte
	err = k.service.change(func(w *work) error {
		var made []R
		for _, in := range accepted {
			r, err := k.createOne(w, req.who, in)
			if err != nil {
				return err
			}
			made = append(made, r)
		}
		answer = k.renderNew(req.who, made, bulk)
		return nil
	})
	return &reply{http.StatusCreated, answer}, err
}

func (k *kind[R]) createOne(w *work, who caller, in values) (R, error) {
	var none R
	project, err := projectOf(who, in)
	if err != nil {
		return none, err
	}
	r := k.blank()
	w.begin(r.base(), project)
	if k.prepare != nil {
		if err := k.prepare(w, who, r, in); err != nil {
			return none, err
		}
	}
	if err := k.authorize(who, k.scope(r), in, true); err != nil {
		return none, err
	}
	if err := w.checkQuota(k.quota, project, k.table.perProject[project]+1); err != nil {
		return none, err
	}
	k.apply(r, in)
	if err := k.create(w, who, r, in); err != nil {
		return none, err
	}
	// What create put is the record; rendering must see what else changed it since.
	made, _ := k.table.get(r.base().ID)
	return made, nil
}

func (k *kind[R]) renderNew(who caller, made []R, bulk bool) []byte {
	body := []byte{'{'}
	if !bulk {
		return append(k.render(appendKey(body, k.name), who, made[0], k.fields()), '}')
	}
	return append(k.renderList(appendKey(body, k.plural), who, made, k.fields()), '}')
}

// projectOf returns the project that a new object is for.
func projectOf(who caller, in values) (string, error) {
	project, said := given[string](in, "project_id")
	tenant, saidTenant := given[string](in, "tenant_id")
	switch {
	case said && saidTenant && project != tenant:
		return "", malformed("'project_id' and 'tenant_id' do not match")
	case saidTenant:
		project = tenant
	}
	if project == "" {
		project = who.project
	}
	switch {
	case project == "":
		return "", malformed("a new object needs a project: use a token that is scoped to one")
	case project != who.project && !who.trusted():
		return "", malformed("Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires admin or advsvc privileges")
	}
	return project, nil
}

func (k *kind[R]) updateOne(req *request) (*reply, error) {
	body, err := decodeOne(req.body, k.name)
	if err != nil {
		return nil, err
	}
	in, err := k.accept(body, false)
	if err != nil {
		return nil, err
	}
	var answer []byte
	err = k.service.change(func(w *work) error {
		before, err := k.editable(req, "update", k.mayEdit)
		if err != nil {
			return err
		}
		if err := k.authorize(req.who, k.scope(before), in, false); err != nil {
			return err
		}
		after := k.clone(before)
		k.apply(after, in)
		w.touch(after.base())
		if err := k.update(w, req.who, before, after, in); err != nil {
			return err
		}
		after, _ = k.table.get(before.base().ID)
		answer = append(k.render(appendKey([]byte{'{'}, k.name), req.who, after, k.fields()), '}')
		return nil
	})
	return &reply{http.StatusOK, answer}, err
}

func (k *kind[R]) deleteOne(req *request) (*reply, error) {
	if len(req.body) > 0 {
		return nil, malformed("Request body is not supported in DELETE.")
	}
	err := k.service.change(func(w *work) error {
		r, err := k.editable(req, "delete", k.mayDrop)
		if err != nil {
			return err
		}
		return k.remove(w, req.who, r)
	})
	return &reply{status: http.StatusNoContent}, err
}

// editable returns the object of a request that changes it, if the caller may and the
// object is still what the request's If-Match says.
func (k *kind[R]) editable(req *request, verb string, may rule) (R, error) {
	r, err := k.find(req.who, req.id)
	if err != nil {
		return r, err
	}
	if req.who.readOnly || !may(req.who, k.scope(r)) {
		return r, denied(verb, k.name, "")
	}
	return r, checkRevision(req.ifMatch, r.base().Revision)
}

// checkRevision compares an If-Match header, "revision_number=<n>", with what is there.
func checkRevision(ifMatch string, revision int) error {
	if ifMatch == "" {
		return nil
	}
	said, ok := strings.CutPrefix(strings.Trim(ifMatch, `" `), "revision_number=")
	wanted, err := strconv.Atoi(said)
	if !ok || err != nil {
		return badRequest("BadRequest", "Bad if-match request: Revision number etag must be in the format of revision_number=<int>.")
	}
	if wanted != revision {
		return newFault(http.StatusPreconditionFailed, "RevisionNumberConstraintFailed",
			"Constrained to %d, but current revision is %d", wanted, revision)
	}
	return nil
}
