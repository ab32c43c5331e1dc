package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// plugin is the separate kuryr-libnetwork, with a kuryr.conf as the Python one has, on the
// cloud of a zund whose own plugin has another name.
type plugin struct {
	*user
	zund    *cloud
	name    string // of the driver
	file    string
	dir     string
	log     string
	metrics string
	ports   []string // that were ever seen
	process *exec.Cmd
	stops   *stops // if set, its system calls are steps of these
}

// startPlugin starts a cloud and the plugin, as an administrator's.
func startPlugin(t *testing.T) *plugin {
	t.Helper()
	p := newPlugin(t, "")
	p.configure("/run/docker/plugins/"+p.name+".sock", "")
	p.start()
	return p
}

// newPlugin starts a cloud and prepares the plugin.
func newPlugin(t *testing.T, dockerHost string) *plugin {
	t.Helper()
	c := startCloud(t, dockerHost, "--plugin-name", "e2eother"+strconv.Itoa(os.Getpid()))
	return pluginOf(t, c.admin(), c)
}

// pluginOf prepares the plugin with the credentials of a user; zund is nil on a real cloud.
func pluginOf(t *testing.T, as *user, zund *cloud) *plugin {
	t.Helper()
	p := &plugin{user: as, zund: zund, name: "kuryre2e" + strconv.Itoa(os.Getpid()), dir: t.TempDir(), metrics: freeAddress(t)}
	p.file, p.log = filepath.Join(p.dir, "kuryr.conf"), filepath.Join(p.dir, "log")
	t.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if t.Failed() {
			log, _ := os.ReadFile(p.log)
			lines := strings.Split(string(log), "\n")
			t.Logf("the end of the plugin's log:\n%s", strings.Join(lines[max(0, len(lines)-60):], "\n"))
		}
	})
	return p
}

// configure writes kuryr.conf; more are further lines of [DEFAULT], and of [neutron].
func (p *plugin) configure(socket, more string, neutron ...string) {
	p.tb.Helper()
	p.write(`[DEFAULT]
bindir = /usr/local/libexec/kuryr
debug = True
use_json = True
socket = ` + socket + `
state_dir = ` + p.dir + `
metrics_listen = ` + p.metrics + "\n" + more + `
[binding]
default_driver = kuryr.lib.binding.drivers.veth
[neutron]
www_authenticate_uri = ` + p.identity + `
auth_url = ` + p.identity + `
username = ` + p.setting("OS_USERNAME") + `
user_domain_name = Default
password = ` + strings.ReplaceAll(p.setting("OS_PASSWORD"), "$", "$$") + `
project_name = ` + p.setting("OS_PROJECT_NAME") + `
project_domain_name = Default
auth_type = password
` + strings.Join(neutron, "\n") + "\n")
}

// setting returns a variable of the user's environment.
func (u *user) setting(name string) (value string) {
	for _, variable := range u.env {
		if set, ok := strings.CutPrefix(variable, name+"="); ok {
			value = set
		}
	}
	return value
}

func (p *plugin) write(text string) {
	p.tb.Helper()
	if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
		p.tb.Fatal(err)
	}
}

// start starts the plugin, with the capabilities that its systemd unit leaves it, and waits
// until it tells systemd that it is ready.
func (p *plugin) start() {
	p.tb.Helper()
	notify := filepath.Join(p.dir, "notify")
	os.Remove(notify)
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		p.tb.Fatal(err)
	}
	defer systemd.Close()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		p.tb.Fatal(err)
	}
	defer log.Close()
	const rights = "-all,+net_admin,+sys_admin"
	command := []string{"setpriv", "--bounding-set", rights, "--inh-caps", "-all", "--no-new-privs", program("kuryr-libnetwork"), "--config-file", p.file}
	if p.stops == nil {
		p.process = exec.Command(command[0], command[1:]...)
		p.process.Env = slices.Clone(p.env)
	} else {
		p.process = p.stops.watched(p.tb, command[0], command[1:]...)
	}
	p.process.Env = append(p.process.Env, "NOTIFY_SOCKET="+notify)
	p.process.Stdout, p.process.Stderr = log, log
	if err := p.process.Start(); err != nil {
		p.tb.Fatal(err)
	}
	for _, handed := range p.process.ExtraFiles {
		handed.Close()
	}
	if err := systemd.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		p.tb.Fatal(err)
	}
	fact := make([]byte, 64)
	n, err := systemd.Read(fact)
	if err != nil || string(fact[:n]) != "READY=1" {
		text, _ := os.ReadFile(p.log)
		p.tb.Fatalf("the plugin did not get ready: %q %v\n%s", fact[:n], err, text)
	}
}

// end sends the plugin a signal and waits for its end.
func (p *plugin) end(signal syscall.Signal) {
	p.tb.Helper()
	if p.process == nil {
		return
	}
	if err := p.process.Process.Signal(signal); err != nil {
		p.tb.Errorf("cannot signal the plugin: %v", err)
	}
	if err := p.process.Wait(); signal == syscall.SIGTERM && err != nil {
		p.tb.Errorf("the plugin did not end cleanly: %v", err)
	}
	p.process = nil
}

// network makes a Docker network and returns its name.
func (p *plugin) network(subnet, gateway string) string {
	p.tb.Helper()
	name := p.name + "-net"
	p.docker("network", "create", "-d", p.name, "--ipam-driver", p.name, "--subnet", subnet, "--gateway", gateway, name)
	p.tb.Cleanup(func() { p.try("docker", "network", "rm", name) })
	return name
}

// container starts a container, and returns its id and its address.
func (p *plugin) container(network string, command ...string) (id, address string) {
	p.tb.Helper()
	id = p.docker(append([]string{"run", "-d", "--net", network, image}, command...)...)
	p.tb.Cleanup(func() { p.try("docker", "rm", "-f", id) })
	if all := p.all(); !strings.Contains(all, "link tap") {
		p.tb.Errorf("a container runs and has no link:\n%s", all)
	}
	return id, p.addressOf(id)
}

func (p *plugin) addressOf(id string) string {
	p.tb.Helper()
	return p.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", id)
}

// all lists what could be left: what Neutron has, Docker networks of the driver, and links
// of ports that Neutron has or had. Other links are of others who use this machine.
func (p *plugin) all() string {
	p.tb.Helper()
	var all []string
	for _, kind := range []string{"ports", "subnets", "subnetpools", "networks", "security-groups"} {
		var found map[string][]struct{ ID, Name string }
		p.neutron("GET", kind, nil, &found)
		for _, one := range found[strings.ReplaceAll(kind, "-", "_")] {
			if kind == "security-groups" && one.Name == "default" {
				continue // Neutron's own, from a project's first port on
			}
			all = append(all, kind+" "+one.ID)
			if kind == "ports" {
				p.ports = append(p.ports, one.ID)
			}
		}
	}
	for _, port := range p.ports {
		for _, end := range []string{"tap", "t_c"} {
			name := (end + port)[:14]
			if _, err := net.InterfaceByName(name); err == nil && !slices.Contains(all, "link "+name) {
				all = append(all, "link "+name)
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n") + p.docker("network", "ls", "-q", "--filter", "driver="+p.name)
}

// nothingLeft waits until all is as it was.
func (p *plugin) nothingLeft(before string) {
	p.tb.Helper()
	now := ""
	defer func() {
		if now != before {
			p.tb.Logf("before:\n%s\nafter:\n%s", before, now)
		}
	}()
	until(p.tb, "nothing is left", func() bool { now = p.all(); return now == before })
}

// check runs the plugin's own check and returns its findings by their names, and its exit
// code.
func (p *plugin) check(more ...string) (levels, texts map[string]string, code int) {
	p.tb.Helper()
	out, stderr, err := p.try(program("kuryr-libnetwork"), append([]string{"check", "--json", "--config-file", p.file}, more...)...)
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		code = ended.ExitCode()
	}
	var report struct {
		Findings []struct{ Check, Status, What, Why, Do string }
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		p.tb.Fatalf("check: %v\n%s%s", err, out, stderr)
	}
	levels, texts = map[string]string{}, map[string]string{}
	for _, f := range report.Findings {
		levels[f.Check], texts[f.Check] = f.Status, f.What+" / "+f.Why+" / "+f.Do
	}
	return levels, texts, code
}

// counted returns how often Neutron was asked for something during a call of Docker's,
// whatever the answer.
func (p *plugin) counted(verb string) (n int) {
	p.tb.Helper()
	response, err := http.Get("http://" + p.metrics + "/metrics")
	if err != nil {
		p.tb.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "gozun_plugin_neutron_calls_total{") && strings.Contains(line, `verb="`+verb+`"`) {
			fields := strings.Fields(line)
			times, err := strconv.Atoi(fields[len(fields)-1])
			if err != nil {
				p.tb.Fatal(err)
			}
			n += times
		}
	}
	return n
}

// reaches waits until a container gets an answer from an address: a real Neutron's agent lets
// a new port's packets through a moment after Docker has started what has it.
func (p *plugin) reaches(container, address string) {
	p.tb.Helper()
	until(p.tb, container+" reaches "+address, func() bool {
		_, _, err := p.try("docker", "exec", container, "ping", "-c", "1", "-W", "1", address)
		return err == nil
	})
}

// The plugin on its own, with a Python plugin's file: containers meet, a kill -9 between
// run and rm leaves nothing, and the check says what is so.
func TestPluginAlone(t *testing.T) {
	startPlugin(t).liveAlone("mtu")
}

// liveAlone is the plugin's life with a real Docker. How ports are wired is a check's matter:
// its name is given.
func (p *plugin) liveAlone(wiring string) {
	t := p.tb
	t.Helper()
	before := p.all()
	foo := p.network("10.6.0.0/24", "10.6.0.1")
	web, address := p.container(foo, "httpd", "-f", "-p", "80", "-h", "/www")
	client, _ := p.container(foo)
	p.reaches(client, address)
	if page := p.docker("exec", client, "fetch", "http://"+address+"/"); !strings.Contains(page, "a page") {
		t.Errorf("got %q", page)
	}
	if calls := p.counted("NetworkDriver.CreateEndpoint") + p.counted("IpamDriver.RequestAddress") + p.counted("NetworkDriver.Join"); calls == 0 || calls > 2*2+2 {
		t.Errorf("two containers cost %d calls of Neutron", calls) // and two for the network's gateway
	}
	levels, texts, _ := p.check()
	for _, name := range strings.Fields("plugin-socket docker docker-driver keystone neutron extensions role agent " + wiring) {
		if levels[name] != "ok" {
			t.Errorf("check says of %s: %s: %s", name, levels[name], texts[name])
		}
	}
	for _, port := range p.ports {
		if strings.Contains(texts["leftovers"], port[:11]) { // other things may be of others who use this machine
			t.Errorf("check takes what a container has for left over: %s", texts["leftovers"])
		}
	}
	if !strings.Contains(texts["docker-driver"], foo) {
		t.Errorf("check does not name the network: %s", texts["docker-driver"])
	}
	if levels, texts, code := p.check("--host", "nosuchhost"); code != 2 || levels["agent"] != "error" || !strings.Contains(texts["agent"], "nosuchhost") {
		t.Errorf("check of another host: %d %v", code, texts["agent"])
	}
	p.end(syscall.SIGKILL)
	if levels, texts, code := p.check(); code != 2 || levels["plugin-socket"] != "error" || !strings.Contains(texts["plugin-socket"], "killed") {
		t.Errorf("check without the plugin: %d %v", code, texts["plugin-socket"])
	}
	p.docker("exec", client, "ping", "-c", "1", "-W", "5", address)
	p.start()
	p.docker("restart", "-t", "1", web)
	p.reaches(client, p.addressOf(web))
	p.docker("rm", "-f", web, client)
	p.docker("network", "rm", foo)
	p.nothingLeft(before)
}

// Neutron away when the plugin starts, back, away again while a container goes, and back:
// Docker is never kept waiting, is told the reason, and nothing is left.
func TestPluginWithoutNeutron(t *testing.T) {
	p := startPlugin(t)
	before := p.all()
	p.end(syscall.SIGTERM)
	p.zund.end(syscall.SIGINT)
	began := time.Now()
	p.start()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("without Neutron the start took %v", took)
	}
	began = time.Now()
	out := p.fails("docker", "network", "create", "-d", p.name, "--ipam-driver", p.name, "--subnet", "10.6.0.0/24", "--gateway", "10.6.0.1", p.name+"-net")
	if took := time.Since(began); took > 10*time.Second || !strings.Contains(out, "Keystone") {
		t.Errorf("network create without Neutron: %v, %s", took, out)
	}
	if levels, _, code := p.check(); code != 2 || levels["keystone"] != "error" || levels["plugin-socket"] != "ok" {
		t.Errorf("check without Neutron: %d %v", code, levels)
	}
	p.zund.start()
	foo := p.network("10.6.0.0/24", "10.6.0.1")
	one, _ := p.container(foo)
	p.zund.end(syscall.SIGINT)
	began = time.Now()
	if out := p.fails("docker", "run", "--rm", "--net", foo, image, "true"); time.Since(began) > 20*time.Second || !strings.Contains(out, "Neutron") && !strings.Contains(out, "Keystone") {
		t.Errorf("run without Neutron: %v, %s", time.Since(began), out)
	}
	p.docker("rm", "-f", one)
	p.zund.start()
	two, _ := p.container(foo)
	p.docker("exec", two, "true")
	p.docker("rm", "-f", two)
	p.docker("network", "rm", foo)
	p.nothingLeft(before)
}
