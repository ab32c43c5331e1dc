package network

import (
	"encoding/json"
	"slices"
	"strings"
)

const defaultGroupName = "default"

// securityGroup is a Neutron security group; its rules are records of their own.
type securityGroup struct{ standard }

func (s *Service) groupKind() *kind[*securityGroup] {
	k := &kind[*securityGroup]{
		service: s, name: "security_group", plural: "security_groups", path: "security-groups", quota: "security_group", tagged: true,
		table:   s.state.groups,
		blank:   func() *securityGroup { return &securityGroup{} },
		clone:   func(g *securityGroup) *securityGroup { c := *g; return &c },
		missing: groupNotFound,
		visible: func(who caller, g *securityGroup) bool { return who.trusted() || g.ProjectID == who.project },
		scope:   func(g *securityGroup) scope { return scope{project: g.ProjectID} },
		mayEdit: owner,
		mayDrop: owner,
		create:  createGroup,
		update:  updateGroup,
		remove:  removeGroup,
	}
	k.needs, k.before = s.needsDefaultGroup, makeDefaultGroup
	k.attributes = append(standardAttributes[*securityGroup](),
		attribute[*securityGroup]{name: "security_group_rules"},
		attribute[*securityGroup]{
			name: "stateful", check: onlyStateful, create: anyone, update: anyone,
			get: func(*state, *securityGroup) any { return true },
		},
		attribute[*securityGroup]{name: "shared", get: func(*state, *securityGroup) any { return false }},
		tagsAttribute[*securityGroup](nil))
	return k.index()
}

// onlyStateful refuses groups that do not follow connections: the data plane's all do.
func onlyStateful(v any) (any, error) {
	stateful, err := boolean(v)
	if err == nil && stateful == false {
		err = complain("'%s' is not supported here, only true is", shown(v))
	}
	return stateful, err
}

// showRules makes the groups' kind show rules as the rules' own kind does.
func showRules(groups *kind[*securityGroup], rules *kind[*groupRule]) {
	groups.attribute("security_group_rules").get = func(s *state, g *securityGroup) any {
		return json.RawMessage(rules.renderList(nil, caller{admin: true}, s.rulesOf[g.ID], rules.fields()))
	}
}

// needsDefaultGroup reports whether the caller's project has no default group yet.
func (s *Service) needsDefaultGroup(who caller) bool {
	return who.project != "" && s.state.defaultGroup[who.project] == ""
}

func makeDefaultGroup(w *work, who caller) error {
	w.ensureDefaultGroup(who.project)
	return nil
}

// ensureDefaultGroup returns the project's default group, which is made on first use: out
// to everywhere, and in from its own members.
func (w *work) ensureDefaultGroup(project string) *securityGroup {
	if g, ok := w.groups.get(w.defaultGroup[project]); ok {
		return g
	}
	g := &securityGroup{}
	w.begin(&g.standard, project)
	g.Name, g.Description = defaultGroupName, "Default security group"
	put(w, w.groups, g)
	w.allowOut(g)
	for _, ethertype := range []string{"IPv4", "IPv6"} {
		w.addRule(g, groupRule{Direction: "ingress", EtherType: ethertype, RemoteGroup: g.ID})
	}
	return g
}

// allowOut adds the rules that every new group has.
func (w *work) allowOut(g *securityGroup) {
	for _, ethertype := range []string{"IPv4", "IPv6"} {
		w.addRule(g, groupRule{Direction: "egress", EtherType: ethertype})
	}
}

func (w *work) addRule(g *securityGroup, r groupRule) {
	w.begin(&r.standard, g.ProjectID)
	r.GroupID, r.Automatic = g.ID, true
	put(w, w.rules, &r)
}

func createGroup(w *work, _ caller, g *securityGroup, _ values) error {
	w.ensureDefaultGroup(g.ProjectID)
	if strings.EqualFold(g.Name, defaultGroupName) {
		return conflict("SecurityGroupDefaultAlreadyExists", "Default security group already exists.")
	}
	put(w, w.groups, g)
	w.allowOut(g)
	return nil
}

func updateGroup(w *work, _ caller, before, after *securityGroup, in values) error {
	switch {
	case before.Name == defaultGroupName && in.has("name"):
		return conflict("SecurityGroupCannotUpdateDefault", "Updating default security group not allowed.")
	case before.Name != defaultGroupName && strings.EqualFold(after.Name, defaultGroupName):
		return conflict("SecurityGroupDefaultAlreadyExists", "Default security group already exists.")
	}
	put(w, w.groups, after)
	return nil
}

// removeGroup removes a group that no port has, its rules, and others' rules that name it.
func removeGroup(w *work, who caller, g *securityGroup) error {
	if len(w.membersOf[g.ID]) > 0 {
		return conflict("SecurityGroupInUse", "Security Group %s in use.", g.ID)
	}
	if g.Name == defaultGroupName && !who.admin {
		return conflict("SecurityGroupCannotRemoveDefault", "Insufficient rights for removing default security group.")
	}
	naming := w.rules.byAge(func(r *groupRule) bool { return r.RemoteGroup == g.ID || r.GroupID == g.ID })
	for _, r := range slices.Backward(naming) {
		erase(w, w.rules, r)
	}
	erase(w, w.groups, g)
	return nil
}

func (w *work) touchGroup(id string) {
	if g, ok := w.groups.get(id); ok {
		after := *g
		w.touch(&after.standard)
		put(w, w.groups, &after)
	}
}
