package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gozun/gozun/internal/config"
)

// buffer is a log that may be read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestSampleAndVersion(t *testing.T) {
	for option, want := range map[string]string{"--version": "kuryr-libnetwork devel", "--print-config": "[neutron]", "--help": "--config-file", "check --help": "--json"} {
		var out bytes.Buffer
		err := run(context.Background(), strings.Fields(option), &out, &out)
		if codeOf(err) != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v %q", option, err, out.String())
		}
	}
}

// Every option has a help text and says what it takes.
func TestHelpTeaches(t *testing.T) {
	for _, check := range []bool{false, true} {
		var a arguments
		a.options(check).VisitAll(func(f *flag.Flag) {
			name, about := flag.UnquoteUsage(f)
			plain, ok := f.Value.(interface{ IsBoolFlag() bool })
			if about == "" || name != strings.ToUpper(name) && !(ok && plain.IsBoolFlag()) {
				t.Errorf("--%s %s: %s", f.Name, name, about)
			}
		})
	}
}

func TestBadCommandLinesAndFiles(t *testing.T) {
	write := func(text string) string {
		name := filepath.Join(t.TempDir(), "kuryr.conf")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	good := write("[neutron]\nauth_url = http://127.0.0.1:1\n")
	for _, test := range []struct {
		args []string
		says string
		code int
	}{
		{[]string{"--nonsense"}, "--help", 2},
		{[]string{"word"}, "word", 2},
		{[]string{"--config-file", "/nowhere"}, "/nowhere", 1},
		{[]string{"--config-dir", "/nowhere"}, "/nowhere", 1},
		{[]string{"--config-file", write("[neutron]\ntimeout = x\n")}, "timeout", 1},
		{[]string{"--config-file", write("[neutron\n")}, ":1:", 1},
		{[]string{"--config-file", good, "--log-level", "loud"}, "loud", 2},
		{[]string{"--config-file", good, "--log-format", "xml"}, "xml", 2},
		{[]string{"--config-file", good, "--metrics-listen", "0.0.0.0:1"}, "loopback", 2},
		{[]string{"--config-file", write("")}, "auth_url", 1},
		{[]string{"check", "--nonsense"}, "--help", 3},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			for _, name := range os.Environ() {
				if name, _, _ := strings.Cut(name, "="); strings.HasPrefix(name, "OS_") {
					t.Setenv(name, "")
				}
			}
			var out bytes.Buffer
			err := run(context.Background(), test.args, &out, &out)
			if err == nil || !strings.Contains(err.Error(), test.says) || codeOf(err) != test.code {
				t.Errorf("%v (%d)", err, codeOf(err))
			}
		})
	}
}

// The command line wins over files, later files over earlier ones, and all over the
// environment.
func TestWhatWins(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"kuryr.conf":          "host = file\nsocket = /file.sock\nstate_dir = /file\nmetrics_listen = 127.0.0.1:1\n[neutron]\ntimeout = 1\n",
		"kuryr.conf.d/2.conf": "state_dir = /two\n",
		"kuryr.conf.d/1.conf": "state_dir = /one\nsocket = /one.sock\n",
		"kuryr.conf.d/0.not":  "nonsense",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CAPABILITY_SCOPE", "global")
	c, err := configure(arguments{files: []string{filepath.Join(dir, "kuryr.conf")}, dirs: []string{filepath.Join(dir, "kuryr.conf.d")}, host: "line"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Host != "line" || c.Socket != "/one.sock" || c.StateDir != "/two" || c.MetricsListen != "127.0.0.1:1" || c.Login.Timeout != time.Second || c.Scope != "global" {
		t.Errorf("%+v", c)
	}
	if c, err = configure(arguments{dirs: []string{t.TempDir()}, socket: "/x", stateDir: "/y", metrics: "[::1]:2"}); err != nil || c.Socket != "/x" || c.StateDir != "/y" || c.MetricsListen != "[::1]:2" || c.Host == "" {
		t.Errorf("%+v %v", c, err)
	}
	t.Setenv("CAPABILITY_SCOPE", "wide")
	if _, err := configure(arguments{dirs: []string{dir}}); err == nil || !strings.Contains(err.Error(), "wide") {
		t.Errorf("%v", err)
	}
}

func TestHowLongContainersWaitForTheirPort(t *testing.T) {
	for _, test := range []struct {
		waits         bool
		timeout, want time.Duration
	}{{false, 0, 0}, {false, 5 * time.Second, 0}, {true, 5 * time.Second, 5 * time.Second}, {true, 0, time.Hour}} {
		if got := patience(config.Kuryr{WaitActive: test.waits, WaitTimeout: test.timeout}); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

// TestThePackagedSampleIsTheProgramsOwn compares the file that is installed.
func TestThePackagedSampleIsTheProgramsOwn(t *testing.T) {
	var want bytes.Buffer
	if err := config.WriteKuryrSample(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../packaging/etc/kuryr.conf")
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("packaging/etc/kuryr.conf is not what --print-config prints (%v). "+
			"Run: go run ./cmd/kuryr-libnetwork --print-config >packaging/etc/kuryr.conf", err)
	}
}

// served is the program running in a test.
type served struct {
	t       *testing.T
	socket  string
	log     *buffer
	client  *http.Client
	cancel  context.CancelFunc
	ended   chan error
	systemd *net.UnixConn
}

// serving starts the program on a cloud that does not answer, and waits until it has told
// systemd that it is ready.
func serving(t *testing.T, more ...string) *served {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "kuryr.conf")
	text := "kuryr_uri = http://127.0.0.1:23750\nmetrics_listen = 127.0.0.1:0\n[neutron]\nauth_url = http://127.0.0.1:1/v3\nusername = kuryr\npassword = x\nproject_name = service\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, socket: filepath.Join(dir, "p.sock"), log: &buffer{}, ended: make(chan error, 1)}
	notify := filepath.Join(dir, "notify")
	var err error
	if s.systemd, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.systemd.Close() })
	t.Setenv("NOTIFY_SOCKET", notify)
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	t.Cleanup(cancel)
	args := append([]string{"--config-file", conf, "--socket", s.socket, "--state-dir", dir}, more...)
	go func() { s.ended <- run(ctx, args, s.log, s.log) }()
	s.told("READY=1")
	s.client = clientOf("unix", s.socket)
	s.client.Timeout = 40 * time.Second
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

func (s *served) told(want string) {
	s.t.Helper()
	if err := s.systemd.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	text := make([]byte, 64)
	n, err := s.systemd.Read(text)
	if err != nil || string(text[:n]) != want {
		s.t.Fatalf("systemd was told %q, want %q: %v\n%s", text[:n], want, err, s.log)
	}
}

func (s *served) ask(verb, body string) (status int, answer map[string]any) {
	s.t.Helper()
	response, err := s.client.Post("http://plugin/"+verb, "", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, answer
}

// TestServesWithoutNeutron starts the program with a cloud that does not answer: Docker's
// first questions are answered at once, what needs Neutron is refused with the reason, both
// are counted, and a signal ends it and removes the socket.
func TestServesWithoutNeutron(t *testing.T) {
	s := serving(t, "--log-format", "json", "--debug")
	if _, answer := s.ask("Plugin.Activate", ""); answer["Implements"] == nil {
		t.Errorf("answer %v", answer)
	}
	status, answer := s.ask("Kuryr.Leftovers", "")
	if reason, _ := answer["Err"].(string); status != 503 || !strings.Contains(reason, "http://127.0.0.1:1/v3") {
		t.Errorf("leftovers: %d %v", status, answer)
	}
	status, answer = s.ask("IpamDriver.RequestPool", `{"AddressSpace":"no_address_space","Pool":"10.9.0.0/24","SubPool":"","Options":{},"V6":false}`)
	if reason, _ := answer["Err"].(string); status != 503 || !strings.Contains(reason, "http://127.0.0.1:1/v3") {
		t.Errorf("%d %v", status, answer)
	}
	var lines []map[string]any
	for line := range strings.Lines(s.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("not JSON: %q", line)
		}
		lines = append(lines, fields)
	}
	if !slices.ContainsFunc(lines, func(l map[string]any) bool {
		note, _ := l["note"].(string)
		return strings.Contains(note, "kuryr_uri")
	}) {
		t.Errorf("the log does not tell of kuryr_uri: %v", lines)
	}
	at := slices.IndexFunc(lines, func(l map[string]any) bool { return l["metrics"] != nil })
	if at < 0 {
		t.Fatalf("the log does not say where metrics are: %v", lines)
	}
	response, err := http.Get(lines[at]["metrics"].(string))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var metrics bytes.Buffer
	if _, err := metrics.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`gozun_plugin_calls_total{status="200",verb="Plugin.Activate"} 1`,
		`gozun_plugin_calls_total{status="503",verb="IpamDriver.RequestPool"} 1`,
		`process_resident_memory_bytes`,
	} {
		if !strings.Contains(metrics.String(), want) {
			t.Errorf("no %s in\n%s", want, metrics.String())
		}
	}
	s.client.CloseIdleConnections()
	s.cancel()
	s.told("STOPPING=1")
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(s.socket); err == nil {
		t.Error("the socket is left")
	}
}

// A second program on the same records is refused, and does not take the first one's
// socket away.
func TestASecondOneIsRefused(t *testing.T) {
	s := serving(t)
	var out bytes.Buffer
	conf := filepath.Join(filepath.Dir(s.socket), "kuryr.conf")
	for dir, says := range map[string]string{filepath.Dir(s.socket): "Is another", t.TempDir(): "another plugin serves it"} {
		err := run(t.Context(), []string{"--config-file", conf, "--socket", s.socket, "--state-dir", dir}, &out, &out)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v", err)
		}
	}
	if _, answer := s.ask("Plugin.Activate", ""); answer["Implements"] == nil {
		t.Errorf("answer %v", answer)
	}
	var own *exit
	if err := run(t.Context(), []string{"check", "--json", "--timeout", "1s", "--config-file", conf, "--socket", s.socket}, &out, &out); !errors.As(err, &own) || own.code != 2 {
		t.Errorf("check: %v", err)
	}
}
