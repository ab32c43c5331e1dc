package e2e

import (
	"net"
	"strings"
	"testing"
)

// fetch has a container get a page, and returns it or "" within a few seconds.
func (u *user) fetch(from, address string) string {
	u.tb.Helper()
	page, _, err := u.try(program("zun"), "exec", from, "fetch", "http://"+net.JoinHostPort(address, "80")+"/")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(page)
}

// serve runs a web server whose page is its name.
func (u *user) serve(name string, flags ...string) container {
	u.tb.Helper()
	return u.runs(name, flags, "sh", "-c", "mkdir /w && echo "+name+" >/w/index.html && exec httpd -f -p 80 -h /w")
}

// Security groups block and allow, also on a container that is running.
func TestSecurityGroups(t *testing.T) {
	u := startCloud(t, "").demo()
	u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	var group struct {
		Group struct{ ID string } `json:"security_group"`
	}
	u.neutron("POST", "security-groups", map[string]any{"security_group": map[string]any{"name": "closed"}}, &group)
	closed := u.serve("closed", "--net=foo", "--security-group", "closed").address(t, 4)
	friend := u.serve("friend", "--net=foo").address(t, 4)
	u.runs("client", []string{"--net=foo"})
	if page := u.fetch("client", friend); page != "friend" {
		t.Errorf("within the default group client got %q", page)
	}
	if page := u.fetch("client", closed); page != "" {
		t.Errorf("from a group without rules client got %q", page)
	}
	var rule struct {
		Rule struct{ ID string } `json:"security_group_rule"`
	}
	u.neutron("POST", "security-group-rules", map[string]any{"security_group_rule": map[string]any{
		"security_group_id": group.Group.ID, "direction": "ingress", "ethertype": "IPv4",
		"protocol": "tcp", "port_range_min": 80, "port_range_max": 80,
	}}, &rule)
	until(t, "the new rule lets client in", func() bool { return u.fetch("client", closed) == "closed" })
	u.neutron("DELETE", "security-group-rules/"+rule.Rule.ID, nil, nil)
	until(t, "without the rule client is out again", func() bool { return u.fetch("client", closed) == "" })
}

// Two projects use the same addresses side by side and never see each other.
func TestTwoProjectsWithTheSameCIDR(t *testing.T) {
	c := startCloud(t, "")
	one := c.demo()
	two := c.newProject("other")
	for _, u := range []*user{one, two} {
		u.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	}
	flags := []string{"--net", "network=foo,v4-fixed-ip=10.2.0.10"}
	one.serve("first", flags...)
	two.serve("second", flags...)
	one.runs("client", []string{"--net=foo"})
	two.runs("client", []string{"--net=foo"})
	if page := one.fetch("client", "10.2.0.10"); page != "first" {
		t.Errorf("project demo got %q", page)
	}
	if page := two.fetch("client", "10.2.0.10"); page != "second" {
		t.Errorf("project other got %q", page)
	}
	if out := two.fails(program("zun"), "show", one.show("first").UUID); !strings.Contains(out, "could not be found") && !strings.Contains(out, "not found") {
		t.Errorf("another project's container: %s", out)
	}
	one.zun("network-create", "bar", "--subnet", "10.9.0.0/24")
	elsewhere := one.serve("elsewhere", "--net=bar").address(t, 4)
	if page := two.fetch("client", elsewhere); page != "" {
		t.Errorf("project other reaches a network of demo: %q", page)
	}
	if page := one.fetch("client", elsewhere); page != "" {
		t.Errorf("two networks without a router between them are connected: %q", page)
	}
}
