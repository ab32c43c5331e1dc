package contract

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sequence is a story told to a cloud: requests that build on one another.
type sequence struct {
	file  string // "networks", of networks.txt
	title string
	steps []step
}

func (q sequence) String() string { return q.file + ": " + q.title }

// step is one request of a sequence. A line of testdata/*.txt is
//
//	USER VERB[~] PATH [@Header:value …] [BODY] [=> NAME[:at.a.path] …]
//
// with <placeholders>. A path below /v3 is Keystone's, below /v2.0 Neutron's; id:/ and
// net:/ are their roots. A captured NAME is the id of the object in the answer, or what is
// at the path ("header.X" is a header, a number an index); ~ compares the first elements of
// lists and no values.
type step struct {
	line     string
	user     string
	verb     string
	loose    bool
	path     string
	headers  []string // name, value, name, value…
	body     string
	captures []string
}

// readScripts reads all of testdata. "== title" begins a sequence, "#" a comment.
func readScripts(tb testing.TB) []sequence {
	tb.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no scripts in testdata: %v", err)
	}
	var all []sequence
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		found, err := parseScript(strings.TrimSuffix(filepath.Base(file), ".txt"), string(raw))
		if err != nil {
			tb.Fatalf("%s: %v", file, err)
		}
		all = append(all, found...)
	}
	return all
}

func parseScript(name, text string) ([]sequence, error) {
	var all []sequence
	titles := map[string]bool{}
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		title, begins := strings.CutPrefix(line, "== ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case begins && titles[title]:
			return nil, fmt.Errorf("line %d: a second sequence %q", number+1, title)
		case begins:
			titles[title] = true
			all = append(all, sequence{file: name, title: title})
		case len(all) == 0:
			return nil, fmt.Errorf("line %d: a step before the first sequence", number+1)
		default:
			parsed, err := parseStep(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number+1, err)
			}
			last := &all[len(all)-1]
			last.steps = append(last.steps, parsed)
		}
	}
	return all, nil
}

func parseStep(line string) (step, error) {
	s := step{line: line}
	rest, captures, _ := strings.Cut(line, " => ")
	s.captures = strings.Fields(captures)
	var words [3]string
	for i := range words {
		words[i], rest, _ = strings.Cut(strings.TrimSpace(rest), " ")
	}
	s.user, s.path = words[0], words[2]
	s.verb, s.loose = strings.CutSuffix(words[1], "~")
	if s.path == "" || !slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}, s.verb) {
		return s, fmt.Errorf("%q is not USER VERB PATH", line)
	}
	for rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "@"); rest = strings.TrimSpace(rest) {
		var header string
		header, rest, _ = strings.Cut(rest, " ")
		name, value, _ := strings.Cut(header[1:], ":")
		s.headers = append(s.headers, name, value)
	}
	s.body = rest
	return s, nil
}

var placeholder = regexp.MustCompile(`<[a-z][a-z0-9_.-]*>`)

// fill puts the values of placeholders into a text; an unknown one is an error of the script.
func fill(text string, values map[string]string) (string, error) {
	var missing []string
	filled := placeholder.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := values[name[1:len(name)-1]]
		if !ok {
			missing = append(missing, name)
		}
		return value
	})
	if len(missing) > 0 {
		return "", fmt.Errorf("nothing has been captured as %s", strings.Join(missing, ", "))
	}
	return filled, nil
}
