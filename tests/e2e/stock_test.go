package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// typist types commands to the stock Python clients, zun and openstack, as one user. They
// all run in one process, which testdata/stock.py keeps: a start of Python costs a second.
type typist struct {
	user    *user
	process *os.Process
	in      io.Writer
	out     *bufio.Scanner
	words   map[string]string // what $NAME in a line stands for
}

// said is what a command left behind.
type said struct {
	Exit     int
	Out, Err string
}

// typist starts the process, or skips the test where the clients are not installed.
func (u *user) typist() *typist {
	u.tb.Helper()
	const python = "/usr/bin/python3"
	if out, err := exec.Command(python, "-c", "import zunclient.shell, openstackclient.shell").CombinedOutput(); err != nil {
		u.tb.Skipf("the stock clients are not installed (apt-get install python3-zunclient python3-openstackclient): %v %s", err, out)
	}
	process := exec.Command(python, "testdata/stock.py")
	process.Env, process.Stderr = u.env, os.Stderr
	in, err := process.StdinPipe()
	if err != nil {
		u.tb.Fatal(err)
	}
	out, err := process.StdoutPipe()
	if err != nil {
		u.tb.Fatal(err)
	}
	if err := process.Start(); err != nil {
		u.tb.Fatal(err)
	}
	u.tb.(*testing.T).Cleanup(func() {
		in.Close()
		if err := process.Wait(); err != nil {
			u.tb.Errorf("%s: %v", python, err)
		}
	})
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	words := map[string]string{"IMAGE": image, "PROJECT": u.project}
	return &typist{user: u, process: process.Process, in: in, out: scanner, words: words}
}

// types has a command done. Its words are separated by blanks, those in single quotes are
// one, and $NAME is what words has.
func (y *typist) types(line string) said {
	y.user.tb.Helper()
	text, err := json.Marshal(y.split(line))
	if err != nil {
		y.user.tb.Fatal(err)
	}
	if _, err := y.in.Write(append(text, '\n')); err != nil {
		y.user.tb.Fatalf("$ %s: %v", line, err)
	}
	hung := time.AfterFunc(3*time.Minute, func() { _ = y.process.Kill() })
	defer hung.Stop()
	var s said
	if !y.out.Scan() {
		y.user.tb.Fatalf("$ %s: no answer within minutes: %v", line, y.out.Err())
	}
	if err := json.Unmarshal(y.out.Bytes(), &s); err != nil {
		y.user.tb.Fatalf("$ %s: %v in %s", line, err, y.out.Bytes())
	}
	return s
}

func (y *typist) split(line string) []string {
	var words []string
	for i, part := range strings.Split(line, "'") {
		part = os.Expand(part, func(name string) string {
			word, known := y.words[name]
			if !known {
				y.user.tb.Fatalf("$ %s: what is %s?", line, name)
			}
			return word
		})
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// line is a command of a story, and what is to come of it.
type line struct {
	typed string
	shows []string // what its output has, its standard error if it fails; "-x" is what it has not
	exit  int      // status
	then  func()   // waits for what it set going, looks at what it did
}

// story types lines one after another. One whose answer is not as it should be does not
// end it, a wait in vain does.
func (y *typist) story(lines []line) {
	y.user.tb.Helper()
	for _, l := range lines {
		s := y.types(l.typed)
		output := s.Out
		if l.exit != 0 {
			output = s.Err
		}
		if s.Exit != l.exit {
			y.user.tb.Errorf("$ %s\n%s%s\nexit status %d instead of %d", l.typed, s.Out, s.Err, s.Exit, l.exit)
		}
		if l.exit == 0 && strings.Contains(l.typed, "-f json") && !json.Valid([]byte(output)) {
			y.user.tb.Errorf("$ %s\n%s\nis not JSON", l.typed, output)
		}
		for _, part := range l.shows {
			part = os.Expand(part, func(name string) string { return y.words[name] })
			absent, wantAbsent := strings.CutPrefix(part, "-")
			if wantAbsent && strings.Contains(output, absent) {
				y.user.tb.Errorf("$ %s\n%s\nshows %q", l.typed, output, absent)
			}
			if !wantAbsent && !strings.Contains(output, part) {
				y.user.tb.Errorf("$ %s\n%s\ndoes not show %q", l.typed, output, part)
			}
		}
		if l.then != nil {
			l.then()
		}
	}
}

// state waits until a container is in a state with nothing going on.
func (y *typist) state(name, status string) func() {
	return func() {
		y.user.tb.Helper()
		y.user.becomes("1.40", name, status)
	}
}

// gone waits until there is no container of this name.
func (y *typist) gone(name string) func() {
	return func() {
		y.user.tb.Helper()
		until(y.user.tb, name+" is gone", func() bool { return y.user.ask("1.40", "GET", "/containers/"+name, nil).status == 404 })
	}
}

// networks waits until a container is on so many networks.
func (y *typist) networks(name string, count int) func() {
	return func() {
		y.user.tb.Helper()
		until(y.user.tb, name+" is on another number of networks", func() bool {
			r := y.user.ask("1.40", "GET", "/containers/"+name, nil).is(200).record()
			return len(r.Addresses) == count && r.TaskState == ""
		})
	}
}

// tells types a story in a subtest.
func (y *typist) tells(t *testing.T, name string, story func(*typist) []line) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		whole := *y
		whole.user = y.user.on(t)
		whole.story(story(&whole))
	})
}

// creation returns the id of the request that made a container.
func (y *typist) creation(name string) string {
	y.user.tb.Helper()
	var log struct {
		Actions []struct {
			Action  string
			Request string `json:"request_id"`
		} `json:"containerActions"`
	}
	y.user.ask("1.40", "GET", "/containers/"+name+"/container_actions", nil).is(200).into(&log)
	for _, action := range log.Actions {
		if action.Action == "create" {
			return action.Request
		}
	}
	y.user.tb.Fatalf("nothing made %s: %+v", name, log)
	return ""
}
