package api

import (
	"context"
	"slices"
	"strings"

	"github.com/gozun/gozun/zun"
)

// The verbs, short enough for the table.
const (
	get, post, put, patch, del = "GET", "POST", "PUT", "PATCH", "DELETE"
)

// routeTable is everything the API serves: what this release has, then what Zun has
// beyond it.
func routeTable() []route {
	return slices.Concat(publicRoutes(), containerRoutes(), networkRoutes(), adminRoutes(), registryRoutes(), imageRoutes(), laterRoutes())
}

// publicRoutes need no token.
func publicRoutes() []route {
	return []route{
		{verb: get, path: "/", public: true, handle: (*server).showVersions},
		{verb: get, path: "/healthcheck", public: true, text: true, handle: (*server).showHealth},
		{verb: get, path: "/v1", public: true, handle: (*server).showV1},
		{verb: get, path: "/v1/openapi.json", public: true, handle: (*server).showOpenAPI},
	}
}

// containerRoutes are the containers of this release.
func containerRoutes() []route {
	const all, one = "/v1/containers", "/v1/containers/{id}"
	return []route{
		{verb: get, path: all, rule: "container:get_all", handle: (*server).listContainers},
		{verb: post, path: all, rule: "container:create", json: true, handle: (*server).createContainer},
		{verb: get, path: one, rule: "container:get_one", handle: (*server).showContainer},
		{verb: patch, path: one, rule: "container:update", handle: (*server).updateContainer},
		{verb: del, path: one, rule: "container:delete", handle: (*server).deleteContainer},
		{verb: post, path: one + "/start", rule: "container:start", handle: (*server).startContainer},
		{verb: post, path: one + "/stop", rule: "container:stop", handle: (*server).stopContainer},
		{verb: post, path: one + "/reboot", rule: "container:reboot", handle: (*server).rebootContainer},
		{verb: post, path: one + "/kill", rule: "container:kill", handle: (*server).killContainer},
		{verb: post, path: one + "/pause", rule: "container:pause", handle: (*server).pauseContainer},
		{verb: post, path: one + "/unpause", rule: "container:unpause", handle: (*server).unpauseContainer},
		{verb: post, path: one + "/rebuild", rule: "container:rebuild", handle: (*server).rebuildContainer},
		{verb: post, path: one + "/rename", rule: "container:rename", max: 13, handle: (*server).renameContainer},
		{verb: post, path: one + "/resize_container", rule: "container:resize_container", min: 19, handle: (*server).resizeContainer},
		{verb: get, path: one + "/top", rule: "container:top", handle: (*server).containerTop},
		{verb: get, path: one + "/stats", rule: "container:stats", handle: (*server).containerStats},
		{verb: get, path: one + "/get_archive", rule: "container:get_archive", handle: (*server).getArchive},
		{verb: post, path: one + "/put_archive", rule: "container:put_archive", raw: true, handle: (*server).putArchive},
		{verb: post, path: one + "/commit", rule: "container:commit", handle: (*server).commitContainer},
		{verb: post, path: one + "/add_security_group", rule: "container:add_security_group", max: 14, handle: (*server).addSecurityGroup},
		{verb: post, path: one + "/remove_security_group", rule: "container:remove_security_group", max: 14, handle: (*server).removeSecurityGroup},
		{verb: get, path: one + "/logs", rule: "container:logs", handle: (*server).containerLogs},
		{verb: post, path: one + "/execute", rule: "container:execute", handle: (*server).executeCommand},
		{verb: post, path: one + "/execute_resize", rule: "container:execute_resize", handle: (*server).resizeExec},
		{verb: get, path: one + "/attach", rule: "container:attach", handle: (*server).attachContainer},
		{verb: post, path: one + "/resize", rule: "container:resize", handle: (*server).resizeTerminal},
		{verb: get, path: one + "/network_list", rule: "container:get_one", min: 18, handle: (*server).listAttachments},
		{verb: get, path: one + "/network_list", rule: "container:get_one", min: 13, max: 17, handle: (*server).listAddresses},
		{verb: post, path: one + "/network_attach", rule: "container:network_attach", min: 8, handle: (*server).attachNetwork},
		{verb: post, path: one + "/network_detach", rule: "container:network_detach", min: 6, handle: (*server).detachNetwork},
		{verb: get, path: one + "/container_actions", rule: "container:actions", handle: (*server).listActions},
		{verb: get, path: one + "/container_actions/{request_id}", rule: "container:actions", handle: (*server).showAction},
	}
}

// networkRoutes are ours from 1.41 and Zun's before it.
func networkRoutes() []route {
	const all, one = "/v1/networks", "/v1/networks/{id}"
	return []route{
		{verb: get, path: all, rule: "network:get_all", min: ownMinor, ours: true, handle: (*server).listNetworks},
		{verb: post, path: all, rule: "network:create_own", min: ownMinor, ours: true, json: true, handle: (*server).createNetwork},
		{verb: get, path: one, rule: "network:get_one", min: ownMinor, ours: true, handle: (*server).showNetwork},
		{verb: del, path: one, rule: "network:delete_own", min: ownMinor, ours: true, handle: (*server).deleteNetwork},
		{verb: post, path: all, rule: "network:create", max: ownMinor - 1, json: true, handle: (*server).createHandle},
		{verb: del, path: all, rule: "network:delete", min: 27, max: ownMinor - 1, handle: (*server).deleteHandle},
		{verb: del, path: one, rule: "network:delete", min: 27, max: ownMinor - 1, handle: (*server).deleteHandle},
	}
}

// adminRoutes are about the hosts, and about what projects may have.
func adminRoutes() []route {
	const services, quota, class = "/v1/services", "/v1/quotas/{project_id}", "/v1/quota_classes/{name}"
	return []route{
		{verb: get, path: "/v1/hosts", rule: "host:get_all", min: 4, handle: (*server).listHosts},
		{verb: get, path: "/v1/hosts/{id}", rule: "host:get", min: 4, handle: (*server).showHost},
		{verb: get, path: services, rule: "zun-service:get_all", handle: (*server).listServices},
		{verb: del, path: services, rule: "zun-service:delete", handle: (*server).deleteService},
		{verb: del, path: services + "/{host}/{binary}", rule: "zun-service:delete", handle: (*server).deleteService},
		{verb: put, path: services + "/enable", rule: "zun-service:enable", handle: (*server).enableService},
		{verb: put, path: services + "/disable", rule: "zun-service:disable", handle: (*server).disableService},
		{verb: put, path: services + "/force_down", rule: "zun-service:force_down", handle: (*server).forceDownService},
		{verb: get, path: "/v1/availability_zones", rule: "availability_zones:get_all", handle: (*server).listZones},
		{verb: get, path: quota, rule: "quota:get", handle: (*server).showQuota},
		{verb: put, path: quota, rule: "quota:update", handle: (*server).updateQuota},
		{verb: del, path: quota, rule: "quota:delete", handle: (*server).deleteQuota},
		{verb: get, path: quota + "/defaults", rule: "quota:get_default", handle: (*server).showDefaultQuota},
		{verb: get, path: class, rule: "quota_class:get", handle: (*server).showQuotaClass},
		{verb: put, path: class, rule: "quota_class:update", handle: (*server).updateQuotaClass},
	}
}

// imageRoutes are the images on hosts. A name that is searched for may have slashes, which
// python-zunclient does not escape.
func imageRoutes() []route {
	const all, one = "/v1/images", "/v1/images/{id}"
	return []route{
		{verb: get, path: all, rule: "image:get_all", handle: (*server).listImages},
		{verb: post, path: all, rule: "image:pull", json: true, handle: (*server).pullImage},
		{verb: get, path: one, rule: "image:get_one", handle: (*server).showImage},
		{verb: del, path: one, rule: "image:delete", handle: (*server).deleteImage},
		{verb: get, path: one + "/search", rule: "image:search", handle: (*server).searchImages},
		{verb: get, path: one + "/{name}/search", rule: "image:search", handle: (*server).searchImages},
		{verb: get, path: one + "/{name}/{last}/search", rule: "image:search", handle: (*server).searchImages},
	}
}

// registryRoutes are a project's image registries.
func registryRoutes() []route {
	const all, one = "/v1/registries", "/v1/registries/{id}"
	return []route{
		{verb: get, path: all, rule: "registry:get_all", handle: (*server).listRegistries},
		{verb: post, path: all, rule: "registry:create", json: true, handle: (*server).createRegistry},
		{verb: get, path: one, rule: "registry:get_one", handle: (*server).showRegistry},
		{verb: patch, path: one, rule: "registry:update", handle: (*server).updateRegistry},
		{verb: del, path: one, rule: "registry:delete", handle: (*server).deleteRegistry},
	}
}

// laterRoutes are what Zun has and this release has not. They keep their microversions
// and policy rules, so that whoever may not use them hears that first.
func laterRoutes() []route { return laterCollections() }

// laterCollections are the collections of Zun that this release has not.
func laterCollections() []route {
	collection := func(verb, path, rule string) route { return later(verb, "/v1/"+path, rule, path, 0, 0) }
	return []route{
		collection(get, "capsules", "capsule:get_all"), collection(post, "capsules", "capsule:create"),
		collection(get, "capsules/{id}", "capsule:get"), collection(del, "capsules/{id}", "capsule:delete"),
	}
}

// later is a route of Zun that answers 501 and names what is missing.
func later(verb, path, rule, what string, minor, maxMinor int) route {
	return route{
		verb: verb, path: path, rule: rule, min: minor, max: maxMinor, later: true,
		handle: func(_ *server, _ context.Context, c *call) (reply, error) {
			doing := verb + " " + path
			if strings.HasPrefix(rule, "container:") {
				doing = what + " container " + shorten(c.ident())
			}
			return reply{}, zun.Errorf(zun.CodeNotImplemented, "cannot %s: %s is not in this release of gozun", doing, what)
		},
	}
}
