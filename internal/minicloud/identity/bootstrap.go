package identity

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/crypto/bcrypt"
)

// The names of what Bootstrap makes.
const (
	roleAdmin   = "admin"
	roleManager = "manager"
	roleMember  = "member"
	roleReader  = "reader"
	roleService = "service"

	projectAdmin   = "admin"
	projectService = "service"
	projectDemo    = "demo"

	userAdmin = "admin"
	userDemo  = "demo"
	userZun   = "zun"
	userKuryr = "kuryr"
)

// Bootstrap says what a cloud begins with.
type Bootstrap struct {
	Region    string            // "" is RegionOne
	Endpoints map[string]string // URL by service type; "identity" with /v3
	Passwords map[string]string // by user name, for users that are made now; others get random ones
	Renew     []string          // users who get a new random password although they are there; others are not made
}

// Passwords are the passwords that one run of Bootstrap set, by user name; they are kept
// nowhere in clear. Users who were there and not to be renewed are absent.
type Passwords map[string]string

// core is what the services themselves need; it is made whenever it is missing. The rest,
// which belongs to people, is made only the first time: what they delete stays deleted.
var (
	coreProjects  = []string{projectService}
	firstProjects = []string{projectAdmin, projectDemo}
	coreUsers     = map[string]string{userZun: projectService, userKuryr: projectService}
	firstUsers    = map[string]string{userAdmin: projectAdmin, userDemo: projectDemo}
)

// bootstrapRoles has each role with the one it implies, as Keystone's bootstrap has them.
var bootstrapRoles = []struct{ name, implies string }{
	{roleReader, ""},
	{roleMember, roleReader},
	{roleManager, roleMember},
	{roleAdmin, roleManager},
	{roleService, ""},
}

var bootstrapGrants = []struct {
	user, project, role string
	domain, first       bool
}{
	{user: userZun, project: projectService, role: roleAdmin},
	{user: userZun, project: projectService, role: roleService},
	{user: userKuryr, project: projectService, role: roleAdmin},
	{user: userKuryr, project: projectService, role: roleService},
	{user: userAdmin, project: projectAdmin, role: roleAdmin, first: true},
	{user: userAdmin, project: projectDemo, role: roleAdmin, first: true},
	{user: userAdmin, domain: true, role: roleAdmin, first: true},
	{user: userDemo, project: projectDemo, role: roleMember, first: true},
}

// serviceNames are the names under which services stand in the catalog.
var serviceNames = map[string]string{"identity": "keystone", "network": "neutron", "container": "zun"}

// Bootstrap makes what a new cloud needs: the roles admin, manager, member, reader and
// service; the projects admin, service and demo; the users admin, demo, zun and kuryr;
// and the catalog. Repeated, it brings the catalog up to date and makes what the services
// need and lack, and leaves the rest as people have made it.
func (s *Service) Bootstrap(ctx context.Context, want Bootstrap) (Passwords, error) {
	if want.Region == "" {
		want.Region = "RegionOne"
	}
	set, hashes, err := s.choosePasswords(ctx, want)
	if err != nil {
		return nil, fmt.Errorf("cannot bootstrap the identity service: %w", err)
	}
	err = s.state.write(func(b *batch) error {
		p := &planter{Service: s, b: b, renew: want.Renew, ids: map[string]string{}}
		p.roles()
		p.projects()
		p.users(hashes)
		p.grants()
		p.catalog(want)
		if p.isFirst() {
			s.state.first.put(b, "bootstrap", first{At: s.config.Now().UTC()})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot bootstrap the identity service: %w", err)
	}
	return set, nil
}

// choosePasswords decides who gets a password, and hashes them. A random one of 144 bits is
// hashed at the least cost: nobody tries them all, and a start should not take long.
func (s *Service) choosePasswords(ctx context.Context, want Bootstrap) (Passwords, map[string][]byte, error) {
	set := Passwords{}
	s.state.read(func() {
		p := &planter{Service: s, renew: want.Renew}
		for name := range p.wantedUsers() {
			_, there := s.state.userByName(name)
			switch {
			case there && !slices.Contains(want.Renew, name):
			case !there && want.Passwords[name] != "":
				set[name] = want.Passwords[name]
			default:
				set[name] = secret(18)
			}
		}
	})
	hashes := map[string][]byte{}
	for name, password := range set {
		cost := bcrypt.MinCost
		if password == want.Passwords[name] {
			cost = s.config.BcryptCost
		}
		hash, err := hashPassword(password, cost)
		if err != nil {
			return nil, nil, fmt.Errorf("the password of %s: %w", name, err)
		}
		hashes[name] = hash
	}
	return set, hashes, ctx.Err()
}

// planter notes what is missing. ids has what was noted and is not in the state yet, by
// kind and name.
type planter struct {
	*Service
	b     *batch
	renew []string
	ids   map[string]string
}

func (p *planter) isFirst() bool { return len(p.state.first.rows) == 0 }

// wantedUsers returns who is to be there, with their home projects, and who is there and to
// be renewed.
func (p *planter) wantedUsers() map[string]string {
	wanted := map[string]string{}
	for _, name := range p.renew {
		if _, there := p.state.userByName(name); there {
			wanted[name] = ""
		}
	}
	for name, home := range coreUsers {
		wanted[name] = home
	}
	if p.isFirst() {
		for name, home := range firstUsers {
			wanted[name] = home
		}
	}
	return wanted
}

func (p *planter) roles() {
	for _, r := range bootstrapRoles {
		if found, there := p.state.roleByName(r.name); there {
			p.ids["role/"+r.name] = found.ID
			continue
		}
		made := role{ID: p.config.NewID(), Name: r.name}
		if r.implies != "" {
			made.Implies = []string{p.ids["role/"+r.implies]}
		}
		p.state.roles.put(p.b, made.ID, made)
		p.ids["role/"+r.name] = made.ID
	}
}

func (p *planter) projects() {
	wanted := slices.Clone(coreProjects)
	if p.isFirst() {
		wanted = append(wanted, firstProjects...)
	}
	for _, name := range wanted {
		if found, there := p.state.projectByName(name); there {
			p.ids["project/"+name] = found.ID
			continue
		}
		made := project{ID: p.config.NewID(), Name: name, DomainID: defaultDomainID, ParentID: defaultDomainID, Enabled: true}
		p.state.projects.put(p.b, made.ID, made)
		p.ids["project/"+name] = made.ID
	}
}

func (p *planter) users(hashes map[string][]byte) {
	for name, home := range p.wantedUsers() {
		found, there := p.state.userByName(name)
		hash, renewed := hashes[name]
		if !there {
			found = user{ID: p.config.NewID(), Name: name, DomainID: defaultDomainID, DefaultProjectID: p.ids["project/"+home], Enabled: true}
		}
		p.ids["user/"+name] = found.ID
		if renewed {
			found.PasswordHash = hash
			p.state.revokeUser(p.b, found.ID)
		}
		if renewed || !there {
			p.state.users.put(p.b, found.ID, found)
		}
	}
}

func (p *planter) grants() {
	planned := map[string]grant{}
	for _, g := range bootstrapGrants {
		if g.first && !p.isFirst() {
			continue
		}
		s := scope{ProjectID: p.ids["project/"+g.project]}
		if g.domain {
			s = scope{DomainID: defaultDomainID}
		}
		key := grantKey(p.ids["user/"+g.user], s)
		row, there := planned[key]
		if !there {
			row = p.state.grants.rows[key]
		}
		row.UserID, row.Scope = p.ids["user/"+g.user], s
		if id := p.ids["role/"+g.role]; !slices.Contains(row.Roles, id) {
			row.Roles = append(slices.Clone(row.Roles), id)
			planned[key] = row
		}
	}
	for key, row := range planned {
		p.state.grants.put(p.b, key, row)
	}
}

// catalog makes the endpoints what the Bootstrap says; a service it does not name stays.
func (p *planter) catalog(want Bootstrap) {
	p.state.regions.put(p.b, want.Region, region{ID: want.Region})
	for kind, url := range want.Endpoints {
		service, there := p.state.serviceByType(kind)
		if !there {
			name := serviceNames[kind]
			if name == "" {
				name = kind
			}
			service = catalogService{ID: p.config.NewID(), Type: kind, Name: name}
			p.state.services.put(p.b, service.ID, service)
		}
		for _, face := range []string{"public", "internal", "admin"} {
			e := endpoint{ServiceID: service.ID, Interface: face, Region: want.Region, URL: url}
			e.ID = p.config.NewID()
			for _, old := range p.state.endpoints.rows {
				if old.ServiceID == e.ServiceID && old.Interface == face && old.Region == e.Region {
					e.ID = old.ID
				}
			}
			if p.state.endpoints.rows[e.ID] != e {
				p.state.endpoints.put(p.b, e.ID, e)
			}
		}
	}
}
