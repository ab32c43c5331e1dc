package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// zund is a running `zund solo` on a state directory of its own.
type zund struct {
	program   string
	state     string
	plugin    string // name of the Docker driver
	log       string
	began     time.Time
	process   *exec.Cmd
	identity  string // URLs
	container string
	token     string // of the user demo
	admin     string // of the user admin
	project   string // demo's
	http      *http.Client
	cloud     *cloud // that it serves; nil: it embeds one
}

// newZund prepares one; it takes free ports of loopback.
func newZund(ctx context.Context, bin, state, plugin string) (*zund, error) {
	z := &zund{
		program: filepath.Join(bin, "zund"), state: state, plugin: plugin, log: state + ".log",
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: longest},
	}
	for _, url := range []*string{&z.identity, &z.container} {
		address, err := freeAddress(ctx)
		if err != nil {
			return nil, err
		}
		*url = "http://" + address
	}
	return z, nil
}

func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// start starts the process and waits for the first answer of the API, which it makes
// once everything else is served.
func (z *zund) start(ctx context.Context) (took time.Duration, err error) {
	if z.cloud == nil {
		if err := awaitDataPlane(ctx); err != nil {
			return 0, err
		}
	}
	log, err := os.OpenFile(z.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	args, env, err := z.command()
	if err != nil {
		return 0, err
	}
	// It outlives an interrupted run: Docker needs the plugin while that is tidied up.
	z.process = exec.CommandContext(context.WithoutCancel(ctx), z.program, args...)
	z.process.Stdout, z.process.Stderr, z.process.Env = log, log, env
	z.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C is not for it
	z.began = time.Now()
	if err := z.process.Start(); err != nil {
		return 0, err
	}
	if err := z.await(ctx); err != nil {
		return 0, errors.Join(fmt.Errorf("zund does not answer; its log is %s: %w", z.log, err), z.stop())
	}
	return time.Since(z.began), nil
}

// command is how it is called.
func (z *zund) command() (args, env []string, err error) {
	args = []string{
		"solo", "--state-dir", z.state, "--plugin-name", z.plugin, "--log-format", "json",
		"--container-listen", strings.TrimPrefix(z.container, "http://"), "--console-listen", "127.0.0.1:0",
		"--quota-containers", "-1", "--quota-memory", "-1", "--quota-cpu", "-1", "--quota-disk", "-1", // a thousand are put on record
	}
	if z.cloud == nil {
		return append(args, "--identity-listen", strings.TrimPrefix(z.identity, "http://"), "--network-listen", "127.0.0.1:0"),
			append(os.Environ(), "GOZUN_PPROF="+z.pprofSocket()), nil
	}
	config := z.state + ".yaml"
	return append(args, "--os-cloud", "real", "--host", z.cloud.host()),
		append(z.cloud.environment(), "OS_CLIENT_CONFIG_FILE="+config), z.cloud.writeCloudsYAML(config)
}

// await asks for /healthcheck until there is an answer.
func (z *zund) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		_, err := z.ask(ctx, http.MethodGet, z.container+"/healthcheck", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// awaitDataPlane waits until no zund with an embedded network runs on this machine: one
// holds this socket.
func awaitDataPlane(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		other, err := new(net.Dialer).DialContext(ctx, "unix", "@gozun/dataplane")
		if err != nil {
			return ctx.Err()
		}
		_ = other.Close()
		select {
		case <-ctx.Done():
			return errors.New("another zund keeps running on this machine. Stop it first: make demo-down")
		case <-tick.C:
		}
	}
}

// stop ends the process cleanly.
func (z *zund) stop() error {
	if z.process == nil {
		return nil
	}
	process := z.process
	z.process = nil
	if err := process.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	return process.Wait()
}

// remove ends the process and removes all that it made.
func (z *zund) remove(ctx context.Context) error {
	err := z.stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*longest)
	defer cancel()
	purge := exec.CommandContext(ctx, z.program, "purge", "--yes", "--state-dir", z.state, "--plugin-name", z.plugin)
	if out, failed := purge.CombinedOutput(); failed != nil {
		return errors.Join(err, fmt.Errorf("zund purge: %w: %s", failed, out))
	}
	if failed := os.Remove(z.log); !errors.Is(failed, fs.ErrNotExist) {
		err = errors.Join(err, failed)
	}
	return err
}

// refusedError is an answer of 300 and above.
type refusedError struct {
	what   string
	status int
	body   string
}

func (e *refusedError) Error() string { return fmt.Sprintf("%s: %d %s", e.what, e.status, e.body) }

// ask makes one request as demo that must succeed.
func (z *zund) ask(ctx context.Context, method, url string, body, answer any) (http.Header, error) {
	return z.askAs(ctx, z.token, method, url, body, answer)
}

func (z *zund) askAs(ctx context.Context, token, method, url string, body, answer any) (http.Header, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Auth-Token", token)
	request.Header.Set("OpenStack-API-Version", "container 1.41")
	response, err := z.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, &refusedError{method + " " + url, response.StatusCode, string(bytes.TrimSpace(text))}
	}
	if answer != nil {
		err = json.Unmarshal(text, answer)
	}
	return response.Header, err
}

// login gets tokens of the users demo and admin.
func (z *zund) login(ctx context.Context) (err error) {
	admin, demo := filepath.Join(z.state, "openrc-admin"), filepath.Join(z.state, "openrc")
	if z.cloud != nil {
		admin, demo = z.cloud.openrc("admin"), z.cloud.openrc("demo")
	}
	if z.admin, _, err = z.tokenOf(ctx, admin); err != nil {
		return err
	}
	z.token, z.project, err = z.tokenOf(ctx, demo)
	return err
}

func (z *zund) tokenOf(ctx context.Context, openrc string) (token, project string, err error) {
	variables, err := readOpenrc(openrc)
	if err != nil {
		return "", "", err
	}
	domain := object{"name": "Default"}
	user := object{"name": variables["OS_USERNAME"], "password": variables["OS_PASSWORD"], "domain": domain}
	body := object{"auth": object{
		"identity": object{"methods": []string{"password"}, "password": object{"user": user}},
		"scope":    object{"project": object{"name": variables["OS_PROJECT_NAME"], "domain": domain}},
	}}
	var answer struct {
		Token struct{ Project struct{ ID string } }
	}
	header, err := z.ask(ctx, http.MethodPost, z.identity+"/v3/auth/tokens", body, &answer)
	return header.Get("X-Subject-Token"), answer.Token.Project.ID, err
}

// readOpenrc reads the variables that a file exports.
func readOpenrc(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	variables := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if assignment, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			name, value, _ := strings.Cut(assignment, "=")
			variables[name] = strings.Trim(value, `"'`)
		}
	}
	return variables, nil
}

// memory is what a process occupies, in MiB.
type memory struct {
	RSS  float64 `json:"rss_mib"`
	Anon float64 `json:"anon_mib"` // of it: not pages of the program's file
}

func memoryOf(pid int) (memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return memory{}, err
	}
	var m memory
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64) // other lines are no numbers
		switch fields[0] {
		case "VmRSS:":
			m.RSS = kib / 1024
		case "RssAnon:":
			m.Anon = kib / 1024
		}
	}
	return m, nil
}

// neutronCalls is how many requests zund has made to Neutron so far.
func (z *zund) neutronCalls(ctx context.Context) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, z.container+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	response, err := z.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	sum := 0.0
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "gozun_neutron_requests_total{") {
			fields := strings.Fields(lines.Text())
			n, err := strconv.ParseFloat(fields[len(fields)-1], 64)
			if err != nil {
				return 0, err
			}
			sum += n
		}
	}
	return int(sum), lines.Err()
}

// verbTime is what the plugin logged of one call. Its own time is what it took less what it
// waited for Neutron; the wait for the disk is its own.
type verbTime struct {
	ended         time.Time
	verb          string
	took          time.Duration
	neutron, disk time.Duration
}

// verbTimes reads from zund's log how long the plugin had each call.
func verbTimes(log string) ([]verbTime, error) {
	file, err := os.Open(log)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var times []verbTime
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var entry struct {
			Time time.Time
			Msg  string
			Verb string
			MS   float64

			NeutronMS float64 `json:"neutron_ms"`
			DiskMS    float64 `json:"disk_ms"`
		}
		if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "did a verb" {
			length := func(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }
			times = append(times, verbTime{entry.Time, entry.Verb, length(entry.MS), length(entry.NeutronMS), length(entry.DiskMS)})
		}
	}
	return times, lines.Err()
}

func (z *zund) pprofSocket() string { return z.state + ".pprof" }

// profile writes a CPU profile of zund; it needs one that was built with -tags pprof.
func (z *zund) profile(ctx context.Context, path string, length time.Duration) error {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", z.pprofSocket())
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial}}
	url := fmt.Sprintf("http://zund/debug/pprof/profile?seconds=%d", max(1, int(length.Seconds())))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("cannot profile zund; was it built with -tags pprof? %w", err)
	}
	defer response.Body.Close()
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, response.Body)
	return errors.Join(err, file.Close())
}
