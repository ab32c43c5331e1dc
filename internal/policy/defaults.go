package policy

import "slices"

const (
	ruleIsAdmin = "context_is_admin"

	adminOrOwner = "is_admin:True or project_id:%(project_id)s"
	adminAPI     = "rule:context_is_admin"
	deny         = "!"
	adminRole    = "role:admin"
)

// Default is a built-in rule.
type Default struct {
	Name       string
	Rule       string
	About      string   // what those who pass it may do
	Operations []string // "POST /v1/containers"; none where other rules or fields refer to it
}

// Defaults returns the built-in rules: names and texts are Zun's (zun/common/policies),
// gozun's own are the last ones of network.
func Defaults() []Default {
	return slices.Concat(baseRules(), containerRules(), actionRules(), containerFieldRules(), capsuleRules(), imageRules(), networkRules(), operatorRules(),
		quotaRules(), registryRules())
}

// baseRules are those that others refer to.
func baseRules() []Default {
	return []Default{
		{ruleIsAdmin, adminRole, "Who is an administrator. What is_admin:True asks in other rules", nil},
		{"admin_or_owner", adminOrOwner, "Administrators, and everybody within their own project", nil},
		{"admin_api", adminAPI, "Administrators", nil},
		{"deny_everybody", deny, "Nobody", nil},
	}
}

// containerRules are about containers as such.
func containerRules() []Default {
	const all, one = "/v1/containers", "/v1/containers/{id}"
	return []Default{
		{"container:create", adminOrOwner, "Make a container", []string{"POST " + all}},
		{"container:create:runtime", adminAPI, "Choose the runtime of a container that is made", []string{"POST " + all}},
		{"container:create:privileged", deny, "Make a privileged container", []string{"POST " + all}},
		{"container:create:image_pull_policy", adminAPI, "Say when the image is pulled", []string{"POST " + all}},
		{"container:create:requested_destination", adminAPI, "Choose the host", []string{"POST " + all}},
		{"container:get_all", adminOrOwner, "List containers", []string{"GET " + all}},
		{"container:get_all_all_projects", adminAPI, "List the containers of all projects", []string{"GET " + all}},
		{"container:get_one", adminOrOwner, "Show a container and its networks", []string{"GET " + one, "GET " + one + "/network_list"}},
		{"container:get_one_all_projects", adminAPI, "Show a container of any project", []string{"GET " + one}},
		{"container:update", adminOrOwner, "Change a container", []string{"PATCH " + one}},
		{"container:delete", adminOrOwner, "Delete a container", []string{"DELETE " + one}},
		{"container:delete_force", adminAPI, "Delete a container whatever state it is in", []string{"DELETE " + one}},
		{"container:delete_all_projects", adminAPI, "Delete a container of any project", []string{"DELETE " + one}},
		{"container:actions", adminOrOwner, "List and show what was done to a container", []string{
			"GET " + one + "/container_actions", "GET " + one + "/container_actions/{request_id}",
		}},
		{"container:action:events", adminAPI, "See why an action failed, as traceback of its event", []string{"GET " + one + "/container_actions/{request_id}"}},
	}
}

// actionRules are about what is done to containers.
func actionRules() []Default {
	action := func(verb, name, about string) Default {
		return Default{"container:" + name, adminOrOwner, about, []string{verb + " /v1/containers/{id}/" + name}}
	}
	return []Default{
		action("POST", "start", "Start a container"),
		{"container:stop", adminOrOwner, "Stop a container, also when it is deleted with stop", []string{"POST /v1/containers/{id}/stop", "DELETE /v1/containers/{id}"}},
		action("POST", "reboot", "Stop a container and start it again"),
		action("POST", "pause", "Freeze the processes of a container"),
		action("POST", "unpause", "Let the processes of a container go on"),
		action("GET", "logs", "Read what a container has written"),
		action("POST", "execute", "Run a command in a container"),
		action("POST", "execute_resize", "Change the terminal size of an interactive command"),
		action("POST", "kill", "Send a signal to a container"),
		action("POST", "rename", "Rename a container (up to 1.13)"),
		action("GET", "attach", "Get at the terminal of a container"),
		action("POST", "resize", "Change the terminal size of a container"),
		action("GET", "top", "List the processes of a container"),
		action("GET", "get_archive", "Copy files out of a container"),
		action("POST", "put_archive", "Copy files into a container"),
		action("GET", "stats", "See what a container consumes"),
		action("POST", "commit", "Make an image of a container"),
		action("POST", "add_security_group", "Put a container's ports into a security group (up to 1.14)"),
		action("POST", "remove_security_group", "Take a container's ports out of a security group (up to 1.14)"),
		action("POST", "network_attach", "Put a container on a network"),
		action("POST", "network_detach", "Take a container off a network"),
		action("POST", "rebuild", "Make a container anew on its ports"),
		action("POST", "resize_container", "Change a container's cores and memory"),
	}
}

// containerFieldRules hide fields of a container. A rule container:get_one:<field> for any
// other field hides that one, too, from those who do not pass it.
func containerFieldRules() []Default {
	field := func(name, about string) Default {
		return Default{"container:get_one:" + name, adminAPI, about, []string{"GET /v1/containers", "GET /v1/containers/{id}"}}
	}
	return []Default{
		field("host", "See on which host a container is, and list by it"), field("image_pull_policy", "See when the image is pulled"),
		field("privileged", "See whether a container is privileged"), field("runtime", "See the runtime of a container"),
	}
}

// capsuleRules are about capsules.
func capsuleRules() []Default {
	const all, one = "/v1/capsules", "/v1/capsules/{id}"
	return []Default{
		{"capsule:create", adminOrOwner, "Make a capsule", []string{"POST " + all}},
		{"capsule:get_all", adminOrOwner, "List capsules", []string{"GET " + all}},
		{"capsule:get_all_all_projects", adminAPI, "List the capsules of all projects", []string{"GET " + all}},
		{"capsule:get", adminOrOwner, "Show a capsule", []string{"GET " + one}},
		{"capsule:get_one_all_projects", adminAPI, "Show a capsule of any project", []string{"GET " + one}},
		{"capsule:get:host", adminAPI, "See on which host a capsule is", []string{"GET " + all, "GET " + one}},
		{"capsule:delete", adminOrOwner, "Delete a capsule", []string{"DELETE " + one}},
		{"capsule:delete_all_projects", adminAPI, "Delete a capsule of any project", []string{"DELETE " + one}},
	}
}

// imageRules are about the images on hosts.
func imageRules() []Default {
	return []Default{
		{"image:pull", adminAPI, "Pull an image onto a host", []string{"POST /v1/images"}},
		{"image:get_all", adminAPI, "List the images on hosts", []string{"GET /v1/images"}},
		{"image:get_one", adminAPI, "Show an image on a host", []string{"GET /v1/images/{id}"}},
		{"image:delete", adminAPI, "Remove an image from a host", []string{"DELETE /v1/images/{id}"}},
		{"image:search", adminOrOwner, "Search for images", []string{
			"GET /v1/images/{id}/search", "GET /v1/images/{id}/{name}/search", "GET /v1/images/{id}/{name}/{last}/search",
		}},
	}
}

// networkRules are about networks; those after the third are ours.
func networkRules() []Default {
	const all, one = "/v1/networks", "/v1/networks/{id}"
	return []Default{
		{"network:attach_external_network", adminRole, "Put a container on an external network that is not shared", []string{
			"POST /v1/containers", "POST /v1/containers/{id}/network_attach",
		}},
		{"network:create", adminRole, "Make any Neutron network usable for containers (up to 1.40)", []string{"POST " + all}},
		{"network:delete", adminRole, "Undo that (from 1.27 to 1.40)", []string{"DELETE " + one, "DELETE " + all}},
		{"network:create_own", adminOrOwner, "Make a network in one's project (from 1.41)", []string{"POST " + all}},
		{"network:get_all", adminOrOwner, "List networks (from 1.41)", []string{"GET " + all}},
		{"network:get_all_all_projects", adminAPI, "List the networks of all projects, and show any by its UUID (from 1.41)", []string{"GET " + all, "GET " + one}},
		{"network:get_one", adminOrOwner, "Show a network (from 1.41)", []string{"GET " + one}},
		{"network:delete_own", adminOrOwner, "Delete a network (from 1.41)", []string{"DELETE " + one}},
	}
}

// operatorRules are about hosts, services and zones.
func operatorRules() []Default {
	return []Default{
		{"host:get_all", adminAPI, "List hosts", []string{"GET /v1/hosts"}},
		{"host:get", adminAPI, "Show a host", []string{"GET /v1/hosts/{id}"}},
		{"zun-service:get_all", adminAPI, "List the agents of hosts", []string{"GET /v1/services"}},
		{"zun-service:delete", adminAPI, "Forget an agent", []string{"DELETE /v1/services", "DELETE /v1/services/{host}/{binary}"}},
		{"zun-service:enable", adminAPI, "Let containers be placed on a host", []string{"PUT /v1/services/enable"}},
		{"zun-service:disable", adminAPI, "Place no more containers on a host", []string{"PUT /v1/services/disable"}},
		{"zun-service:force_down", adminAPI, "Take a host for down", []string{"PUT /v1/services/force_down"}},
		{"availability_zones:get_all", adminOrOwner, "List availability zones", []string{"GET /v1/availability_zones"}},
	}
}

// quotaRules are about how much projects may have.
func quotaRules() []Default {
	const one, class = "/v1/quotas/{project_id}", "/v1/quota_classes/{name}"
	return []Default{
		{"quota:get", adminOrOwner, "Show how much a project may have", []string{"GET " + one}},
		{"quota:get_default", adminOrOwner, "Show how much projects may have by default", []string{"GET " + one + "/defaults"}},
		{"quota:update", adminAPI, "Say how much a project may have", []string{"PUT " + one}},
		{"quota:delete", adminAPI, "Let a project have as much as others", []string{"DELETE " + one}},
		{"quota_class:get", adminAPI, "Show how much a class of projects may have", []string{"GET " + class}},
		{"quota_class:update", adminAPI, "Say how much a class of projects may have", []string{"PUT " + class}},
	}
}

// registryRules are about registries of images.
func registryRules() []Default {
	const all, one = "/v1/registries", "/v1/registries/{id}"
	return []Default{
		{"registry:create", adminOrOwner, "Make a registry known", []string{"POST " + all}},
		{"registry:get_all", adminOrOwner, "List registries", []string{"GET " + all}},
		{"registry:get_all_all_projects", adminAPI, "List the registries of all projects", []string{"GET " + all}},
		{"registry:get_one", adminOrOwner, "Show a registry", []string{"GET " + one}},
		{"registry:update", adminOrOwner, "Change a registry", []string{"PATCH " + one}},
		{"registry:delete", adminOrOwner, "Forget a registry", []string{"DELETE " + one}},
	}
}
