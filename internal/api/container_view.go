package api

import (
	"slices"
	"strconv"
	"time"

	"github.com/gozun/gozun/zun"
)

// containerField is one key of a container's JSON.
type containerField struct {
	name   string
	append func(to []byte, c *zun.ContainerDetail) []byte
}

// containerFields lists the keys in their order, but for uuid and links, which are never
// hidden. Fields of later releases have the value that says so.
func containerFields() []containerField {
	return []containerField{
		{"name", func(b []byte, c *zun.ContainerDetail) []byte { return appendString(b, c.Name) }},
		{"project_id", func(b []byte, c *zun.ContainerDetail) []byte { return appendString(b, c.ProjectID) }},
		{"user_id", func(b []byte, c *zun.ContainerDetail) []byte { return appendString(b, c.UserID) }},
		{"image", func(b []byte, c *zun.ContainerDetail) []byte { return appendString(b, c.Image) }},
		{"command", func(b []byte, c *zun.ContainerDetail) []byte { return appendStrings(b, c.Command) }},
		{"entrypoint", func(b []byte, c *zun.ContainerDetail) []byte { return appendStrings(b, c.Entrypoint) }},
		{"status", func(b []byte, c *zun.ContainerDetail) []byte { return appendString(b, string(c.Status)) }},
		{"status_reason", func(b []byte, c *zun.ContainerDetail) []byte { return appendOptional(b, c.StatusReason) }},
		{"status_detail", func(b []byte, c *zun.ContainerDetail) []byte { return appendOptional(b, c.StatusDetail) }},
		{"task_state", func(b []byte, c *zun.ContainerDetail) []byte { return appendOptional(b, string(c.TaskState)) }},
		{"cpu", func(b []byte, c *zun.ContainerDetail) []byte { return appendCPU(b, c.CPU) }},
		{"cpu_policy", func(b []byte, _ *zun.ContainerDetail) []byte { return append(b, `"shared"`...) }},
		{"memory", func(b []byte, c *zun.ContainerDetail) []byte { return appendMemory(b, c.MemoryMiB) }},
		{"disk", func(b []byte, c *zun.ContainerDetail) []byte { return strconv.AppendInt(b, c.DiskGiB, 10) }},
		{"environment", func(b []byte, c *zun.ContainerDetail) []byte { return appendStringMap(b, c.Environment) }},
		{"labels", func(b []byte, c *zun.ContainerDetail) []byte { return appendStringMap(b, c.Labels) }},
		{"workdir", func(b []byte, c *zun.ContainerDetail) []byte { return appendOptional(b, c.Workdir) }},
		{"ports", func(b []byte, c *zun.ContainerDetail) []byte { return appendInts(b, c.Ports) }},
		{"hostname", func(b []byte, c *zun.ContainerDetail) []byte { return appendOptional(b, c.Hostname) }},
		{"addresses", func(b []byte, c *zun.ContainerDetail) []byte { return appendAddresses(b, c.Nets) }},
		{"image_pull_policy", func(b []byte, c *zun.ContainerDetail) []byte { return appendOptional(b, c.ImagePullPolicy) }},
		{"host", func(b []byte, c *zun.ContainerDetail) []byte { return appendOptional(b, c.Host) }},
		{"runtime", func(b []byte, c *zun.ContainerDetail) []byte { return appendOptional(b, c.Runtime) }},
		{"privileged", func(b []byte, c *zun.ContainerDetail) []byte { return strconv.AppendBool(b, c.Privileged) }},
		{"restart_policy", func(b []byte, c *zun.ContainerDetail) []byte { return appendRestartPolicy(b, c.RestartPolicy) }},
		{"interactive", func(b []byte, c *zun.ContainerDetail) []byte { return strconv.AppendBool(b, c.Interactive) }},
		{"tty", func(b []byte, c *zun.ContainerDetail) []byte { return strconv.AppendBool(b, c.TTY) }},
		{"auto_remove", func(b []byte, c *zun.ContainerDetail) []byte { return strconv.AppendBool(b, c.AutoRemove) }},
		{"auto_heal", func(b []byte, c *zun.ContainerDetail) []byte { return strconv.AppendBool(b, c.AutoHeal) }},
		{"image_driver", func(b []byte, c *zun.ContainerDetail) []byte { return appendOptional(b, c.ImageDriver) }},
		{"security_groups", func(b []byte, c *zun.ContainerDetail) []byte { return appendStrings(b, c.SecurityGroups) }},
		{"healthcheck", func(b []byte, c *zun.ContainerDetail) []byte { return appendHealthcheck(b, c.Healthcheck) }},
		{"registry_id", func(b []byte, c *zun.ContainerDetail) []byte { return appendOptional(b, c.RegistryID) }},
		{"created_at", func(b []byte, c *zun.ContainerDetail) []byte { return appendTime(b, c.CreatedAt) }},
		{"updated_at", func(b []byte, c *zun.ContainerDetail) []byte { return appendTime(b, c.UpdatedAt) }},
	}
}

// ruledField is a field with the name of the policy rule that guards it, if there is one.
type ruledField struct {
	containerField
	rule string
}

// ruledFields names the rule of each field.
func ruledFields() []ruledField {
	var ruled []ruledField
	for _, f := range containerFields() {
		ruled = append(ruled, ruledField{f, "container:get_one:" + f.name})
	}
	return ruled
}

// visibleFields returns the fields that the caller may see: those that no rule guards,
// and those whose rule the caller passes.
func (s *server) visibleFields(c *call) []containerField {
	visible := make([]containerField, 0, len(s.fields))
	for _, f := range s.fields {
		if !s.Policy.Has(f.rule) || s.allows(c, f.rule) {
			visible = append(visible, f.containerField)
		}
	}
	return visible
}

// containerView is the JSON of a single container.
type containerView struct {
	fields []containerField
	links  []link
	detail zun.ContainerDetail
}

// containerView makes the JSON of a single container.
func (s *server) containerView(c *call, detail zun.ContainerDetail) containerView {
	return containerView{s.visibleFields(c), c.links("containers", detail.ID), detail}
}

// appendJSON writes the container with its links.
func (v containerView) appendJSON(b []byte) []byte {
	return appendContainer(b, v.fields, v.links, &v.detail)
}

// containerList is the JSON of a page of containers, which have no links there.
type containerList struct {
	fields []containerField
	items  []zun.ContainerDetail
	next   string
}

// appendJSON writes the page.
func (l containerList) appendJSON(b []byte) []byte {
	const typical = 1200 // bytes of one container
	b = slices.Grow(b, typical*len(l.items)+64)
	b = append(b, `{"containers":[`...)
	for i := range l.items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendContainer(b, l.fields, nil, &l.items[i])
	}
	b = append(b, `],"next":`...)
	b = appendOptional(b, l.next)
	return append(b, '}')
}

// appendContainer writes one container.
func appendContainer(b []byte, fields []containerField, links []link, c *zun.ContainerDetail) []byte {
	b = append(b, `{"uuid":`...)
	b = appendString(b, c.ID)
	if links != nil {
		b = append(b, `,"links":`...)
		b = appendLinks(b, links)
	}
	for _, f := range fields {
		b = append(b, `,"`...)
		b = append(b, f.name...)
		b = append(b, `":`...)
		b = f.append(b, c)
	}
	return append(b, '}')
}

// appendCPU writes a number of cores the way Python writes a float.
func appendCPU(b []byte, cpu float64) []byte {
	if cpu == 0 {
		return append(b, "null"...)
	}
	before := len(b)
	b = strconv.AppendFloat(b, cpu, 'f', -1, 64)
	if !slices.Contains(b[before:], '.') {
		b = append(b, ".0"...)
	}
	return b
}

// appendMemory writes MiB as a string of digits, which is what Zun's clients compare.
func appendMemory(b []byte, mib int64) []byte {
	if mib == 0 {
		return append(b, "null"...)
	}
	b = append(b, '"')
	b = strconv.AppendInt(b, mib, 10)
	return append(b, '"')
}

// appendRestartPolicy writes a restart policy; its count is a string, too.
func appendRestartPolicy(b []byte, p zun.RestartPolicy) []byte {
	if p.Name == "" {
		return append(b, "{}"...)
	}
	b = append(b, `{"Name":`...)
	b = appendString(b, p.Name)
	b = append(b, `,"MaximumRetryCount":"`...)
	b = strconv.AppendInt(b, int64(p.MaximumRetryCount), 10)
	return append(b, `"}`...)
}

// appendHealthcheck writes a health check; its times are in seconds. What the user left to
// Docker is left out, and what he called "cmd" is "test", as in Zun.
func appendHealthcheck(b []byte, h *zun.Healthcheck) []byte {
	if h == nil {
		return append(b, "{}"...)
	}
	b = append(b, `{"test":`...)
	b = appendString(b, h.Test)
	for _, field := range []struct {
		name  string
		value int64
	}{
		{`,"interval":`, int64(h.Interval / time.Second)},
		{`,"retries":`, int64(h.Retries)},
		{`,"timeout":`, int64(h.Timeout / time.Second)},
	} {
		if field.value != 0 {
			b = strconv.AppendInt(append(b, field.name...), field.value, 10)
		}
	}
	return append(b, '}')
}

// appendAddresses writes a container's addresses by Neutron network. A network whose
// port is not there yet is left out.
func appendAddresses(b []byte, nets []zun.AttachedNetwork) []byte {
	b = append(b, '{')
	first := true
	for i, net := range nets {
		id := net.Network.NeutronNetID
		if len(net.Attachment.Addresses) == 0 || onNetwork(nets[:i], id) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendString(b, id)
		b = append(b, ':', '[')
		b = appendNetworkAddresses(b, nets[i:], id)
		b = append(b, ']')
	}
	return append(b, '}')
}

// onNetwork reports whether one of nets has addresses on a Neutron network.
func onNetwork(nets []zun.AttachedNetwork, neutronID string) bool {
	return slices.ContainsFunc(nets, func(net zun.AttachedNetwork) bool {
		return net.Network.NeutronNetID == neutronID && len(net.Attachment.Addresses) > 0
	})
}

// appendNetworkAddresses writes every address on one Neutron network.
func appendNetworkAddresses(b []byte, nets []zun.AttachedNetwork, neutronID string) []byte {
	first := true
	for _, net := range nets {
		if net.Network.NeutronNetID != neutronID {
			continue
		}
		for _, address := range net.Attachment.Addresses {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, `{"addr":`...)
			b = appendString(b, address.IP.String())
			b = append(b, `,"version":`...)
			b = strconv.AppendInt(b, int64(ipVersion(address.IP)), 10)
			b = append(b, `,"port":`...)
			b = appendString(b, net.Attachment.PortID)
			b = append(b, `,"subnet_id":`...)
			b = appendString(b, address.SubnetID)
			b = append(b, `,"preserve_on_delete":`...)
			b = strconv.AppendBool(b, net.Attachment.Preserve())
			b = append(b, '}')
		}
	}
	return b
}
