package network

import "github.com/gozun/gozun/zun"

// caller is who asks, reduced to what Neutron's rules look at.
type caller struct {
	project  string
	admin    bool
	service  bool // Neutron's "service" role: ports of any project, and reading
	readOnly bool
}

func callerOf(id zun.Identity) caller {
	who := caller{project: id.ProjectID, admin: id.HasRole("admin"), service: id.HasRole("service")}
	who.readOnly = len(id.Roles) > 0
	for _, role := range id.Roles {
		who.readOnly = who.readOnly && role == "reader"
	}
	return who
}

// trusted reports whether the caller acts for others: an administrator or a service.
func (who caller) trusted() bool { return who.admin || who.service }

// scope is what a rule is asked about: the object's project and, where it lies on a
// network, that network.
type scope struct {
	project string
	network *network
}

// rule decides whether a caller may do something with an object. The rules below are
// those of Neutron's default policies (neutron/conf/policies).
type rule func(who caller, on scope) bool

func anyone(caller, scope) bool             { return true }
func admins(who caller, _ scope) bool       { return who.admin }
func trusted(who caller, _ scope) bool      { return who.trusted() }
func owner(who caller, on scope) bool       { return who.admin || who.project == on.project }
func ownerOrService(w caller, s scope) bool { return w.service || owner(w, s) }

func networkOwner(who caller, on scope) bool {
	return who.trusted() || on.network != nil && on.network.ProjectID == who.project
}

// networkOwnerOnly leaves services out: they may not widen what a port may send.
func networkOwnerOnly(who caller, on scope) bool {
	return who.admin || on.network != nil && on.network.ProjectID == who.project
}

func networkOwnerOrShared(who caller, on scope) bool {
	return networkOwner(who, on) || on.network != nil && on.network.Shared
}

func ownerOrNetworkOwner(who caller, on scope) bool {
	return networkOwner(who, on) || owner(who, on)
}
