package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// life is what a user does with a network and a container on it, one command after the
// other.
type life struct {
	*between
	net string // arguments of docker network create
	run string // arguments of docker run
	n   int    // of networks and containers, so that each has a name of its own
}

func (l *life) network() string   { return fmt.Sprint(l.name, "-net", l.n) }
func (l *life) container() string { return fmt.Sprint(l.name, "-c", l.n) }

func (l *life) docker(args ...string) (string, error) {
	out, stderr, err := l.try("docker", args...)
	return strings.TrimSpace(out + stderr), err
}

func (l *life) create() (string, error) {
	args := append(strings.Fields("network create -d "+l.name+" --ipam-driver "+l.name), strings.Fields(l.net)...)
	return l.docker(append(args, l.network())...)
}

func (l *life) start() (string, error) {
	args := append([]string{"run", "-d", "--name", l.container(), "--net", l.network()}, strings.Fields(l.run)...)
	return l.docker(append(args, image)...)
}

// startNamed starts a container, and waits until its port has the tags, the name and the
// device of the endpoint, which the plugin owes when it has answered.
func (l *life) startNamed() (string, error) {
	out, err := l.start()
	if err != nil {
		return out, err
	}
	endpoint, err := l.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.EndpointID}}{{end}}", l.container())
	for deadline := time.Now().Add(40 * time.Second); err == nil && !l.named(endpoint); {
		if time.Now().After(deadline) {
			return out, fmt.Errorf("no port has the tags and the device of endpoint %s", endpoint)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return out, err
}

// named reports whether a port has all that the plugin writes on it of an endpoint.
func (l *life) named(endpoint string) bool {
	var found struct {
		Ports []struct {
			Device string `json:"device_id"`
			Tags   []string
		}
	}
	l.neutron("GET", "ports?device_id="+endpoint, nil, &found)
	return len(found.Ports) == 1 && strings.Contains(fmt.Sprint(found.Ports[0].Tags), endpoint[32:])
}

func (l *life) stop() (string, error)   { return l.docker("rm", "-f", l.container()) }
func (l *life) remove() (string, error) { return l.docker("network", "rm", l.network()) }

// must does what must succeed.
func (l *life) must(do func() (string, error)) {
	l.tb.Helper()
	if out, err := do(); err != nil {
		l.tb.Fatalf("%v: %s", err, out)
	}
}

// kinds are the two ways to have a network, of which everything is tried: all of it made for
// Docker, and all of it the user's, the container's port too.
func (b *between) kinds() map[string]*life {
	b.tb.Helper()
	var made struct {
		Network, Subnet, Port struct{ ID string }
	}
	b.neutron("POST", "networks", object{"network": object{"name": "mine"}}, &made)
	network := made.Network.ID
	b.neutron("POST", "subnets", object{"subnet": object{"network_id": network, "ip_version": 4, "cidr": "10.7.0.0/24"}}, &made)
	b.neutron("POST", "ports", object{"port": object{
		"network_id": network, "name": "my port", "fixed_ips": []object{{"subnet_id": made.Subnet.ID, "ip_address": "10.7.0.77"}},
	}}, &made)
	return map[string]*life{
		"new":  b.life("--subnet 10.6.0.0/24 --gateway 10.6.0.1", "--expose 80"),
		"mine": b.life("--subnet 10.7.0.0/24 --ipam-opt neutron.subnet.uuid="+made.Subnet.ID, "--ip 10.7.0.77"),
	}
}

func (b *between) life(net, run string) *life {
	l := &life{between: b, net: net, run: run}
	b.tb.Cleanup(func() { _, _ = l.stop(); _, _ = l.remove() })
	return l
}

type object = map[string]any

// state is all that could be left, and how the user's own things look.
func (b *between) state() string {
	b.tb.Helper()
	text := []string{b.all()}
	for _, kind := range []string{"networks", "ports"} {
		var found map[string][]map[string]any
		b.neutron("GET", kind, nil, &found)
		for _, one := range found[kind] {
			for _, changes := range []string{"revision_number", "updated_at"} {
				delete(one, changes)
			}
			text = append(text, fmt.Sprint(one))
		}
	}
	slices.Sort(text[1:])
	return strings.Join(text, "\n")
}

// backTo waits until the state is again as it was; it says what was done, for the reader of
// a failure.
func (b *between) backTo(before, did string) bool {
	b.tb.Helper()
	now := ""
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if now = b.state(); now == before {
			return true
		}
	}
	b.tb.Errorf("%s: left\n%s\ninstead of\n%s", did, now, before)
	return false
}

// TestPluginKilled kills the plugin with SIGKILL at every step of every command: before and
// after each call of dockerd's and each request to Neutron, before each write to the disk and
// each change of a link. It is started again at once, as systemd does. The command either
// succeeds all the same or says why not; nothing is left; and the next one works.
func TestPluginKilled(t *testing.T) {
	b := startBetween(t, "")
	for name, l := range b.kinds() {
		t.Run(name, func(t *testing.T) {
			done := func() {}
			l.each(t, "network create", done, l.create, l.remove)
			l.n++
			l.must(l.create)
			l.each(t, "run", done, l.startNamed, l.stop)
			l.each(t, "rm", func() { l.must(l.startNamed) }, l.stop, l.stop)
			l.must(l.remove)
			l.each(t, "network rm", func() { l.must(l.create) }, l.remove, l.remove)
		})
	}
}

// each repeats one command, killing at one step after the other, until none is left.
func (l *life) each(t *testing.T, what string, prepare func(), do, undo func() (string, error)) {
	t.Helper()
	told, began, before := 0, time.Now(), l.state()
	for n := 0; ; n++ {
		prepare()
		hit, out, err := l.killedAt(n, false, do)
		_, _ = undo()
		did := fmt.Sprintf("%s, killed at step %d (%s)", what, n, hit)
		if err != nil {
			told++
			t.Logf("%s: %v: %s", did, err, out)
		}
		if err != nil && !strings.Contains(out, "again") || hit == "" && err != nil {
			t.Errorf("%s: %v: %s", did, err, out)
		}
		if !l.backTo(before, did) {
			return
		}
		if hit == "" {
			t.Logf("%s: %d steps, %d of which the user noticed, %v", what, n, told, time.Since(began).Round(time.Second))
			return
		}
	}
}
