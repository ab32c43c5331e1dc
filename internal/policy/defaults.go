package policy

import "strings"

const (
	ruleIsAdmin = "context_is_admin"

	adminOrOwner = "is_admin:True or project_id:%(project_id)s"
	adminAPI     = "rule:context_is_admin"
	deny         = "!"
	adminRole    = "role:admin"
)

// ruleSet gives one rule text to several operations of a resource.
type ruleSet struct {
	rule     string
	resource string
	names    string // separated by blanks
}

// defaults returns the built-in rules: names and texts are Zun's (zun/common/policies),
// gozun's own are the last ones of network.
func defaults() map[string]string {
	rules := map[string]string{
		ruleIsAdmin:      adminRole,
		"admin_or_owner": adminOrOwner,
		"admin_api":      adminAPI,
		"deny_everybody": deny,
	}
	for _, set := range ruleSets() {
		for name := range strings.FieldsSeq(set.names) {
			rules[set.resource+":"+name] = set.rule
		}
	}
	return rules
}

func ruleSets() []ruleSet {
	return []ruleSet{
		{adminOrOwner, "container", `create delete get_one get_all update start stop reboot pause unpause logs
			execute execute_resize kill rename attach resize top get_archive put_archive stats commit
			add_security_group remove_security_group network_attach network_detach rebuild resize_container actions`},
		{adminAPI, "container", `create:runtime create:requested_destination create:image_pull_policy
			delete_all_projects delete_force get_one:host get_one:image_pull_policy get_one:privileged
			get_one:runtime get_one_all_projects get_all_all_projects action:events`},
		{deny, "container", "create:privileged"},
		{adminOrOwner, "capsule", "create delete get get_all"},
		{adminAPI, "capsule", "delete_all_projects get:host get_one_all_projects get_all_all_projects"},
		{adminAPI, "image", "pull get_all get_one delete"},
		{adminOrOwner, "image", "search"},
		{adminRole, "network", "attach_external_network create delete"},
		{adminAPI, "host", "get_all get"},
		{adminAPI, "zun-service", "delete disable enable force_down get_all"},
		{adminOrOwner, "availability_zones", "get_all"},
		{adminAPI, "quota", "update delete"},
		{adminOrOwner, "quota", "get get_default"},
		{adminAPI, "quota_class", "update get"},
		{adminOrOwner, "registry", "create delete get_one get_all update"},
		{adminAPI, "registry", "get_all_all_projects"},
		{adminOrOwner, "network", "get_all get_one create_own delete_own"},
		{adminAPI, "network", "get_all_all_projects"},
	}
}
