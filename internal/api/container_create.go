package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gozun/gozun/zun"
)

// createContainer serves POST /v1/containers.
func (s *server) createContainer(ctx context.Context, c *call) (reply, error) {
	body := c.args()
	run, err := takeRun(body)
	if err != nil {
		return reply{}, err
	}
	if err := s.schemas.check("container_create", c.version, body); err != nil {
		return reply{}, c.needBody(err)
	}
	if err := s.mayCreate(c, body); err != nil {
		return reply{}, err
	}
	request, err := s.containerRequest(c, body)
	if err != nil {
		return reply{}, err
	}
	request.Run = run
	detail, err := s.Control.CreateContainer(ctx, c.grant, request)
	if err != nil {
		return reply{}, err
	}
	view := s.containerView(c, detail)
	return reply{
		status: http.StatusAccepted, body: view,
		header: map[string]string{"Location": view.links[0].Href},
	}, nil
}

// takeRun takes the argument "run" out of the merged arguments; it is no field of a
// container.
func takeRun(body map[string]any) (bool, error) {
	value, given := body["run"]
	delete(body, "run")
	if !given {
		return false, nil
	}
	run, ok := boolean(value)
	if !ok {
		return false, invalidParam("run", value, "it must be true or false")
	}
	return run, nil
}

// createField is a field of a create request that needs more than its schema: a
// microversion, a policy rule, or a later release.
type createField struct {
	name    string
	since   int    // minor microversion, 0: always
	rule    string // policy rule for using it
	missing bool   // not in this release
	instead string // what to do instead, "" being to leave it out
	idle    []any  // values that mean the same as leaving it out, beside null, false and empty ones
}

// createFields lists them in the order in which they are looked at.
func createFields() []createField {
	return []createField{
		{name: "auto_remove", since: 3},
		{name: "runtime", since: 5, rule: "container:create:runtime"},
		{name: "hostname", since: 9},
		{name: "mounts", since: 11},
		{name: "privileged", since: 21, rule: "container:create:privileged"},
		{name: "healthcheck", since: 22},
		{name: "exposed_ports", since: 24},
		{name: "registry", since: 31},
		{name: "host", rule: "container:create:requested_destination"},
		{name: "image_pull_policy", rule: "container:create:image_pull_policy"},
		{name: "image_driver", missing: true, idle: []any{"docker", "None"}, instead: "images come from Docker registries only, image_driver docker"},
		{name: "cpu_policy", missing: true, idle: []any{"shared"}, instead: "cores are shared; leave it out or say shared"},
	}
}

// mayCreate checks microversions and policy of single fields, then refuses those that
// this release does not have. Values that say nothing are taken at every version, because
// python-zunclient always sends them. The one exception is Zun's: "privileged" is asked
// for as soon as it is there.
func (s *server) mayCreate(c *call, body map[string]any) error {
	fields := slices.DeleteFunc(createFields(), func(f createField) bool {
		value, given := body[f.name]
		return !given || idle(value, f.idle) && f.name != "privileged"
	})
	for _, f := range fields {
		if f.since > c.version {
			return tooNew(f.name, c.version, f.since)
		}
	}
	for _, f := range fields {
		if f.rule == "" {
			continue
		}
		if err := s.demand(c, f.rule); err != nil {
			return err
		}
	}
	if c.version >= 20 && body["security_groups"] != nil && body["exposed_ports"] != nil {
		return zun.Errorf(zun.CodeInvalid, "cannot create container: security_groups and exposed_ports exclude each other")
	}
	for _, f := range fields {
		if f.missing && !idle(body[f.name], f.idle) {
			return zun.Errorf(zun.CodeNotImplemented, "cannot create container: %s %s is not in this release; %s",
				f.name, show(body[f.name]), cmp.Or(f.instead, "leave it out"))
		}
	}
	return nil
}

// idle reports whether a value says nothing.
func idle(value any, more []any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == "" || strings.EqualFold(v, "false") || slices.Contains(more, value)
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	case int64:
		return slices.Contains(more, value)
	}
	return false
}

// containerRequest turns a body that fits the schema into what control takes.
func (s *server) containerRequest(c *call, body map[string]any) (zun.ContainerRequest, error) {
	r := zun.ContainerRequest{
		Name: stringOf(body["name"]), Image: stringOf(body["image"]),
		ImagePullPolicy: strings.ToLower(stringOf(body["image_pull_policy"])), ImageDriver: "docker",
		Registry: stringOf(body["registry"]), Workdir: stringOf(body["workdir"]), Hostname: stringOf(body["hostname"]),
		Environment: wordMap(body["environment"]), Labels: wordMap(body["labels"]),
		Entrypoint: wordList(body["entrypoint"]), SecurityGroups: wordList(body["security_groups"]),
		AutoRemove: body["auto_remove"] == true, OwnNetworks: c.version >= ownMinor,
	}
	r.Interactive, r.TTY = terminal(c.version, body)
	for _, step := range []func(*call, map[string]any, *zun.ContainerRequest) error{
		commandOf, s.sizesOf, restartOf, netsOf, labelsOf, placementOf, s.optionsOf, healthcheckOf, exposedPortsOf, mountsOf,
	} {
		if err := step(c, body, &r); err != nil {
			return zun.ContainerRequest{}, err
		}
	}
	return r, nil
}

// terminal returns interactive and tty. From 1.20 to 1.35 the second follows the first
// when that is given.
func terminal(version int, body map[string]any) (interactive, tty bool) {
	interactive, _ = boolean(body["interactive"])
	tty, _ = boolean(body["tty"])
	if _, given := body["interactive"]; given && version >= 20 && version <= 35 {
		tty = interactive
	}
	return interactive, tty
}

// commandOf takes the command: a list, or up to 1.19 a line that is split into words.
func commandOf(_ *call, body map[string]any, r *zun.ContainerRequest) (err error) {
	if line, ok := body["command"].(string); ok {
		r.Command, err = splitWords(line)
		return err
	}
	r.Command = wordList(body["command"])
	return nil
}

// sizesOf takes cpu and memory and holds them against the limits.
func (s *server) sizesOf(_ *call, body map[string]any, r *zun.ContainerRequest) error {
	if value := body["cpu"]; value != nil {
		cpu, err := strconv.ParseFloat(word(value), 64)
		if err != nil || cpu < s.Bounds.MinCPU || cpu > s.Bounds.MaxCPU {
			return invalidField("cpu", value, fmt.Sprintf("it must be a number of cores between %g and %g",
				s.Bounds.MinCPU, s.Bounds.MaxCPU))
		}
		r.CPU = &cpu
	}
	if value := body["memory"]; value != nil {
		memory, err := wholeNumber(value)
		if err != nil || memory < s.Bounds.MinMemoryMiB || memory > s.Bounds.MaxMemoryMiB {
			return invalidField("memory", value, fmt.Sprintf("it must be a number of MiB between %d and %d",
				s.Bounds.MinMemoryMiB, s.Bounds.MaxMemoryMiB))
		}
		r.MemoryMiB = &memory
	}
	return nil
}

// restartOf takes the restart policy. Docker knows a count with on-failure only, and
// refuses any policy beside auto_remove.
func restartOf(_ *call, body map[string]any, r *zun.ContainerRequest) error {
	given, ok := body["restart_policy"].(map[string]any)
	if !ok {
		return nil
	}
	r.RestartPolicy.Name = stringOf(given["Name"])
	count, err := int64(0), error(nil)
	if value := given["MaximumRetryCount"]; value != nil && value != "" {
		count, err = wholeNumber(value)
	}
	if err != nil || count > 1<<31-1 {
		return invalidField("MaximumRetryCount", given["MaximumRetryCount"], "it must be a number, 0 or more")
	}
	switch r.RestartPolicy.Name {
	case "always", "unless-stopped":
		if count != 0 {
			return invalidField("MaximumRetryCount", count, "only the restart policy on-failure takes a count")
		}
	case "on-failure":
		r.RestartPolicy.MaximumRetryCount = int(count)
	}
	if r.AutoRemove && r.RestartPolicy.Name != "no" {
		return zun.Errorf(zun.CodeInvalid, "cannot create container: auto_remove and the restart policy %s exclude each other",
			r.RestartPolicy.Name)
	}
	return nil
}

// netsOf takes the networks and ports to be on.
func netsOf(_ *call, body map[string]any, r *zun.ContainerRequest) error {
	list, _ := body["nets"].([]any)
	for _, item := range list {
		fields, _ := item.(map[string]any)
		net := zun.NetRequest{Network: stringOf(fields["network"]), Port: stringOf(fields["port"])}
		if (net.Network == "") == (net.Port == "") {
			return invalidField("nets", item, "each element must have either network or port")
		}
		if err := fixedIPs(&net, stringOf(fields["v4-fixed-ip"]), stringOf(fields["v6-fixed-ip"])); err != nil {
			return err
		}
		r.Nets = append(r.Nets, net)
	}
	return nil
}

// ownLabels begins the labels by which we know our own containers.
const ownLabels = "org.gozun."

// labelsOf keeps users from setting labels of ours.
func labelsOf(_ *call, _ map[string]any, r *zun.ContainerRequest) error {
	for key := range r.Labels {
		if strings.HasPrefix(key, ownLabels) || key == "" {
			return invalidField("labels", key, "a label must have a name, and one that does not begin with "+ownLabels)
		}
	}
	return nil
}
