package e2e

import (
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// What an administrator sees and says of the one machine, with a real Docker on it.
func TestHostsServicesAndQuotas(t *testing.T) {
	c := startCloud(t, "", "--quota-containers", "2", "--default-availability-zone", "west", "--reserved-host-memory-mb", "64")
	admin, demo := c.admin(), c.demo()
	line := func(u *user, args ...string) string { t.Helper(); return strings.TrimSpace(u.zun(args...)) }
	host := ""
	until(t, "the host has told of itself", func() bool {
		host = line(admin, "host-list", "-f", "value", "-c", "hostname")
		return host != ""
	})
	about := func(column string) string {
		t.Helper()
		return line(admin, "host-show", host, "-f", "value", "-c", column)
	}
	if got := about("cpus"); got != strconv.Itoa(runtime.NumCPU()) {
		t.Errorf("%s cpus, the machine has %d", got, runtime.NumCPU())
	}
	for docker, column := range map[string]string{"{{.KernelVersion}}": "kernel_version", "{{.OperatingSystem}}": "os", "{{.Architecture}}": "architecture", "{{.OSType}}": "os_type"} {
		if got, want := about(column), strings.TrimSpace(demo.docker("info", "-f", docker)); got != want {
			t.Errorf("%s is %q, Docker says %q", column, got, want)
		}
	}
	if got := line(admin, "service-list", "-f", "value", "-c", "State", "-c", "Availability Zone"); got != "up west" {
		t.Errorf("service: %s", got)
	}

	demo.zun("network-create", "foo", "--subnet", "10.2.0.0/24")
	demo.runs("one", []string{"--net=foo", "--memory", "128", "--cpu", "0.5", "--availability-zone", "west"})
	if got := about("mem_used") + " " + about("cpu_used") + " " + about("running_containers"); got != "128 0.5 1" {
		t.Errorf("used: %s", got)
	}
	two := []string{"create", "--wait", "--net=foo", "--name", "two", "--memory", "64", "--hint", "different_host=one", image}
	if out := demo.fails(program("zun"), two...); !strings.Contains(out, "is excluded by the hint different_host") {
		t.Errorf("apart from the only host's: %s", out)
	}
	if out := demo.fails(program("zun"), "create", "--name", "three", image); !strings.Contains(out, "Quota exceeded for resources: ['containers']") {
		t.Errorf("over quota: %s", out)
	}
	demo.zun("delete", "--wait", "two") // in Error it counts, deleted it does not
	if got := line(demo, "quota-get", "--usages", "-f", "value"); !strings.HasPrefix(got, "containers 2 1\nmemory 51200 128\n") {
		t.Errorf("quota: %s", got)
	}

	admin.zun("service-disable", "--reason", "new disk", host)
	if out := demo.fails(program("zun"), "create", "--wait", "--net=foo", "--name", "two", image); !strings.Contains(out, "disabled by the operator: new disk") {
		t.Errorf("on a disabled host: %s", out)
	}
	demo.zun("restart", "--wait", "one") // what is there goes on
	demo.zun("delete", "--wait", "two")
	admin.zun("service-enable", host)
	demo.zun("create", "--wait", "--net=foo", "--name", "two", "--hint", "same_host=one", image)
	demo.remove("one")
	demo.zun("delete", "--wait", "two")
	if got := about("total_containers"); got != "0" {
		t.Errorf("%s containers are left", got)
	}
}
