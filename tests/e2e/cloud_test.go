package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// image is what TestMain makes: busybox with all its names, the demo's fetch (busybox's
// static wget crashes when it looks up names), sleep and server (which end on SIGTERM also
// as process 1), and /www/index.html. Its name is this run's own: another's end removes the
// other's image only.
var image = fmt.Sprintf("gozun-e2e:%d", os.Getpid())

// cloud is a zund solo of a test, with its users.
type cloud struct {
	tb         testing.TB
	state      string
	log        string
	flags      []string
	env        []string // of every process that is started
	process    *exec.Cmd
	identity   string
	network    string
	container  string
	dockerHost string
	real       openstack // the services that it runs on; nil for the embedded ones
}

// startCloud starts a zund, with flags of the test's own, on a fresh state directory and
// free ports, and purges it when the test ends.
func startCloud(tb testing.TB, dockerHost string, flags ...string) *cloud {
	tb.Helper()
	if os.Getenv("GOZUN_E2E") == "" {
		tb.Skip("end-to-end tests run with GOZUN_E2E=1, as root, with Docker: make e2e")
	}
	c := newCloud(tb, dockerHost, freeAddress(tb), append([]string{
		"--identity-listen", freeAddress(tb), "--network-listen", freeAddress(tb),
	}, flags...)...)
	awaitOthers(tb)
	c.start()
	return c
}

// newCloud is a zund that is yet to be started, with its container API at an address. It is
// purged when the test ends.
func newCloud(tb testing.TB, dockerHost, containerAddress string, flags ...string) *cloud {
	tb.Helper()
	c := &cloud{tb: tb, state: filepath.Join(tb.TempDir(), "state"), dockerHost: dockerHost}
	c.log = filepath.Join(tb.TempDir(), "zund.log")
	c.env = os.Environ()
	if dockerHost != "" {
		c.env = append(c.env, "DOCKER_HOST="+dockerHost)
	}
	c.flags = append([]string{
		"--state-dir", c.state, "--log-level", "debug", "--container-listen", containerAddress, "--console-listen", freeAddress(tb),
	}, flags...)
	tb.Cleanup(c.purge)
	return c
}

// awaitOthers waits until no other zund runs on this machine: one holds this socket.
func awaitOthers(tb testing.TB) {
	tb.Helper()
	deadline := time.After(10 * time.Minute)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		other, err := net.Dial("unix", "@gozun/dataplane")
		if err != nil {
			return
		}
		other.Close()
		select {
		case <-tick.C:
		case <-deadline:
			tb.Fatal("another zund keeps running on this machine; stop it first (make demo-down)")
		}
	}
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// start starts the zund, again if need be, and waits until it answers.
func (c *cloud) start() {
	c.tb.Helper()
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.tb.Fatal(err)
	}
	defer log.Close()
	c.process = exec.Command(program("zund"), append([]string{"solo"}, c.flags...)...)
	c.process.Env, c.process.Stdout, c.process.Stderr = c.env, log, log
	if err := c.process.Start(); err != nil {
		c.tb.Fatal(err)
	}
	out := c.run(program("zund"), "status", "--state-dir", c.state, "--wait", "30s")
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "identity":
			c.identity = fields[1]
		case "network":
			c.network = fields[1]
		case "container":
			c.container = fields[1]
		}
	}
}

// end sends the zund a signal and waits for its end.
func (c *cloud) end(signal syscall.Signal) {
	c.tb.Helper()
	if c.process == nil {
		return
	}
	if err := c.process.Process.Signal(signal); err != nil {
		c.tb.Fatalf("cannot signal zund: %v", err)
	}
	err := c.process.Wait()
	if signal == syscall.SIGINT && err != nil {
		c.tb.Errorf("zund did not end cleanly: %v", err)
	}
	c.process = nil
}

func (c *cloud) purge() {
	if c.tb.Failed() {
		log, _ := os.ReadFile(c.log)
		lines := slices.DeleteFunc(strings.Split(string(log), "\n"), func(line string) bool {
			return strings.Contains(line, "msg=request") && strings.Contains(line, "status=2")
		})
		c.tb.Logf("the end of zund's log:\n%s", strings.Join(lines[max(0, len(lines)-150):], "\n"))
	}
	c.end(syscall.SIGINT)
	command := exec.Command(program("zund"), "purge", "--yes", "--state-dir", c.state)
	command.Env = c.env
	if out, err := command.CombinedOutput(); err != nil {
		c.tb.Errorf("zund purge: %v\n%s", err, out)
	}
}

func program(name string) string {
	path, err := filepath.Abs("../../bin/" + name)
	if err != nil {
		return name
	}
	return path
}

// run runs a command that must succeed and returns its standard output.
func (c *cloud) run(name string, args ...string) string {
	c.tb.Helper()
	out, stderr, err := c.try(name, args...)
	if err != nil {
		c.tb.Fatalf("$ %s %s\n%s%s%v", filepath.Base(name), strings.Join(args, " "), out, stderr, err)
	}
	return out
}

// fails runs a command that must fail and returns its standard error.
func (c *cloud) fails(name string, args ...string) string {
	c.tb.Helper()
	out, stderr, err := c.try(name, args...)
	if err == nil {
		c.tb.Fatalf("$ %s %s\nsucceeded, and should not have:\n%s", filepath.Base(name), strings.Join(args, " "), out)
	}
	return stderr
}

func (c *cloud) try(name string, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	command := exec.CommandContext(ctx, name, args...)
	command.Env, command.Stdout, command.Stderr = c.env, &out, &errs
	err = command.Run()
	return out.String(), errs.String(), err
}

// user is somebody who types commands.
type user struct {
	*cloud
	token   string
	project string // its id
	id      string // of people whom the test made
}

// demo is somebody with a project that has nothing in it yet: the user that every minicloud
// has, on services that outlive the test a new one.
func (c *cloud) demo() *user {
	c.tb.Helper()
	if c.real != nil {
		return c.newProject("demo")
	}
	return c.login("openrc")
}

func (c *cloud) admin() *user {
	c.tb.Helper()
	if c.real != nil {
		return c.real.as(c, "admin", "admin")
	}
	return c.login("openrc-admin")
}

func (c *cloud) login(openrc string) *user {
	c.tb.Helper()
	text, err := os.ReadFile(filepath.Join(c.state, openrc))
	if err != nil {
		c.tb.Fatal(err)
	}
	variables := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if assignment, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			name, value, _ := strings.Cut(assignment, "=")
			variables[name] = value
		}
	}
	return c.as(variables["OS_USERNAME"], variables["OS_PASSWORD"], variables["OS_PROJECT_NAME"])
}

func (c *cloud) as(name, password, project string) *user {
	c.tb.Helper()
	whole := *c
	u := &user{cloud: &whole}
	u.env = append(
		append([]string{}, c.env...),
		"OS_AUTH_URL="+strings.TrimSuffix(c.identity, "/v3")+"/v3", "OS_IDENTITY_API_VERSION=3",
		"OS_USERNAME="+name, "OS_PASSWORD="+password, "OS_PROJECT_NAME="+project,
		"OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_DOMAIN_NAME=Default", "OS_REGION_NAME=RegionOne",
	)
	domain := map[string]any{"name": "Default"}
	u.token, u.project = c.authenticates(map[string]any{
		"identity": map[string]any{
			"methods":  []string{"password"},
			"password": map[string]any{"user": map[string]any{"name": name, "password": password, "domain": domain}},
		},
		"scope": map[string]any{"project": map[string]any{"name": project, "domain": domain}},
	})
	return u
}

// variable is what a command that the user types finds in its environment.
func (u *user) variable(name string) string {
	for _, v := range slices.Backward(u.env) {
		if value, is := strings.CutPrefix(v, name+"="); is {
			return value
		}
	}
	return ""
}

// authenticates logs in and returns the token and the id of the project that it is for.
func (c *cloud) authenticates(auth map[string]any) (token, project string) {
	c.tb.Helper()
	var answer struct {
		Token struct{ Project struct{ ID string } }
	}
	header := c.request(http.MethodPost, strings.TrimSuffix(c.identity, "/v3")+"/v3/auth/tokens", "", map[string]any{"auth": auth}, &answer)
	return header.Get("X-Subject-Token"), answer.Token.Project.ID
}

// request makes one HTTP request that must succeed.
func (c *cloud) request(method, url, token string, body, answer any) http.Header {
	c.tb.Helper()
	response, got := c.send(method, url, token, body)
	if response.StatusCode >= 300 {
		c.tb.Fatalf("%s %s: %s\n%s", method, url, response.Status, got)
	}
	if answer != nil {
		if err := json.Unmarshal(got, answer); err != nil {
			c.tb.Fatalf("%s %s: %v in %s", method, url, err, got)
		}
	}
	return response.Header
}

// send makes one HTTP request, whatever comes of it, with headers as pairs.
func (c *cloud) send(method, url, token string, body any, headers ...string) (*http.Response, []byte) {
	c.tb.Helper()
	request, err := http.NewRequest(method, url, content(c.tb, body))
	if err != nil {
		c.tb.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Auth-Token", token)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.tb.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		c.tb.Fatalf("%s %s: %v", method, url, err)
	}
	return response, got
}

// neutron asks the network service something as the user.
func (u *user) neutron(method, path string, body, answer any) {
	u.tb.Helper()
	u.request(method, strings.TrimSuffix(u.network, "/")+"/v2.0/"+path, u.token, body, answer)
}

// zun types a zun command that must succeed.
func (u *user) zun(args ...string) string {
	u.tb.Helper()
	return u.run(program("zun"), args...)
}

// container is what tests look at of a container.
type container struct {
	UUID      string
	Status    string
	Reason    string `json:"status_reason"`
	Addresses map[string][]struct {
		Addr    string
		Version int
		Port    string
	}
}

func (u *user) show(name string) container {
	u.tb.Helper()
	var c container
	if err := json.Unmarshal([]byte(u.zun("show", name, "-f", "json")), &c); err != nil {
		u.tb.Fatal(err)
	}
	return c
}

// address returns the container's only address of an IP version.
func (c container) address(tb testing.TB, version int) string {
	tb.Helper()
	for _, addresses := range c.Addresses {
		for _, a := range addresses {
			if a.Version == version {
				return a.Addr
			}
		}
	}
	tb.Fatalf("container %s has no IPv%d address: %+v", c.UUID, version, c.Addresses)
	return ""
}

// runs makes a container that stays, and returns it once it runs.
func (u *user) runs(name string, flags []string, command ...string) container {
	u.tb.Helper()
	args := append([]string{"run", "--wait", "--name", name}, flags...)
	u.zun(append(append(args, image), command...)...)
	c := u.show(name)
	if c.Status != "Running" {
		u.tb.Fatalf("container %s is %s: %s", name, c.Status, c.Reason)
	}
	return c
}

// remove deletes running containers without waiting for their servers to heed SIGTERM.
func (u *user) remove(names ...string) {
	u.tb.Helper()
	for _, name := range names {
		u.zun("kill", "--wait", name)
		u.zun("delete", "--wait", name)
	}
}

// until waits for a condition, looking again and again for at most a minute.
func until(tb testing.TB, what string, condition func() bool) {
	tb.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			tb.Fatalf("a minute went by without this: %s", what)
		case <-tick.C:
		}
	}
}

// docker runs a docker command that must succeed.
func (c *cloud) docker(args ...string) string {
	c.tb.Helper()
	return strings.TrimSpace(c.run("docker", args...))
}

// makeImage imports the busybox image into a Docker Engine.
func makeImage(dockerHost string) error {
	script := `set -e
root=$(mktemp -d); trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin" "$root/www" "$root/etc" "$root/tmp"
cp /bin/busybox "$root/bin/busybox"
CGO_ENABLED=0 go build -o "$root/bin/fetch" ../image/server
ln -s fetch "$root/bin/sleep"; ln -s fetch "$root/bin/server"
for name in $(busybox --list); do [ -e "$root/bin/$name" ] || ln -s busybox "$root/bin/$name"; done
echo 'a page' >"$root/www/index.html"
tar -C "$root" -c . | docker import --change 'CMD ["sleep","1000000"]' --change 'LABEL org.gozun.e2e=true' - ` + image + ` >/dev/null`
	command := exec.Command("sh", "-c", script)
	command.Env = os.Environ()
	if dockerHost != "" {
		command.Env = append(command.Env, "DOCKER_HOST="+dockerHost)
	}
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot make %s: %w\n%s", image, err, out)
	}
	return nil
}

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if os.Getenv(watchedEnv) != "" {
		fmt.Fprintln(os.Stderr, runWatched()) // it returns only when it fails
		return 1
	}
	if os.Getenv("GOZUN_E2E") == "" {
		return m.Run()
	}
	if err := makeImage(""); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer exec.Command("docker", "image", "rm", "--force", image).Run()
	return m.Run()
}
