package e2e

import (
	"bytes"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// The stock clients' interactive commands, each on a terminal of its own: a shell in a
// container answers what is typed, and its end is the command's end.
func TestStockConsoles(t *testing.T) {
	c := anyCloud(t)
	isAsBefore := c.dockerAsItIs()
	u := c.demo()
	u.makeNetwork("front", map[string]any{"cidr": "10.2.0.0/24"})
	y := u.typist()
	y.story([]line{
		{typed: "zun run --name web $IMAGE sleep 100000", then: y.state("web", "Running")},
		{typed: "zun create -i --name shell $IMAGE sh", then: y.state("shell", "Created")},
		{typed: "zun start shell", then: y.state("shell", "Running")},
	})
	for _, test := range []struct{ name, command string }{
		{"exec", "/usr/bin/zun exec -i web sh"},
		{"openstack exec", "/usr/bin/openstack appcontainer exec --interactive web sh"},
		{"attach", "/usr/bin/zun attach shell"},
		{"openstack attach", "/usr/bin/openstack appcontainer attach shell"},
		{"run", "/usr/bin/zun run -i --name brief " + image + " sh"},
	} {
		t.Run(test.name, func(t *testing.T) {
			u.on(t).converses(test.command)
			if strings.Contains(test.command, "attach shell") {
				y.state("shell", "Stopped")() // its only process was the shell
				y.story([]line{{typed: "zun start shell", then: y.state("shell", "Running")}})
			}
		})
	}
	y.story([]line{{typed: "zun delete --stop web shell brief", then: y.gone("brief")}})
	y.gone("web")()
	y.gone("shell")()
	isAsBefore()
}

// screen is what a terminal shows, written by one goroutine and read by another.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) shows(part string) bool { return strings.Contains(s.String(), part) }

// converses runs a command that leads to a shell on a terminal, which script(1) makes,
// types a line, waits for the answer, and ends the shell. The line's echo is not the
// answer: the shell works something out.
func (u *user) converses(command string) {
	u.tb.Helper()
	terminal := exec.Command("script", "-qec", command, "/dev/null")
	var shown screen
	terminal.Env, terminal.Stdout, terminal.Stderr = u.env, &shown, &shown
	keys, err := terminal.StdinPipe()
	if err != nil {
		u.tb.Fatal(err)
	}
	if err := terminal.Start(); err != nil {
		u.tb.Fatal(err)
	}
	ended := make(chan error, 1)
	defer func() { _ = terminal.Process.Kill() }() // if it did not end by itself
	defer func() {
		if u.tb.Failed() {
			u.tb.Logf("$ %s\n%s", command, &shown)
		}
	}()
	types := func(text string) {
		if _, err := keys.Write([]byte(text)); err != nil {
			u.tb.Fatalf("$ %s: %v", command, err)
		}
	}
	until(u.tb, "the client is connected", func() bool { return shown.shows("to disconnect") })
	// The client says that it is connected before it makes the terminal raw, which throws away
	// what was typed by then: whoever sees no answer types again.
	looks := 0
	until(u.tb, "the shell answers", func() bool {
		if looks%40 == 0 {
			types("echo in$((40+2))side\n")
		}
		looks++
		return shown.shows("in42side")
	})
	types("exit\n")
	go func() { ended <- terminal.Wait() }()
	until(u.tb, "the client ends with the shell", func() bool { return len(ended) == 1 })
	if err := <-ended; err != nil {
		u.tb.Errorf("$ %s: %v", command, err)
	}
}
