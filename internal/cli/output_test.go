package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/client"
)

func TestYAMLKeepsEveryValueWhatItWas(t *testing.T) {
	value := object{
		keys: []string{"word", "number", "yes", "null_word", "empty", "colon", "dash", "nothing", "list", "nested", "none", "no_keys", "lines", "hash", "date", "lists"},
		values: []any{
			"web", "42", "yes", "null", "", "a: b", "- x", nil,
			[]any{1, "two", map[string]any{"k": "v", "l": true}},
			map[string]any{"b": 2, "a": []any{}},
			[]any{},
			map[string]any{},
			"a\nb", "a #b", "2026-11-23",
			[]any{[]any{"x"}},
		},
	}
	var got bytes.Buffer
	if err := writeYAML(&got, value); err != nil {
		t.Fatal(err)
	}
	want := `word: web
number: "42"
yes: "yes"
null_word: "null"
empty: ""
colon: "a: b"
dash: "- x"
nothing: null
list:
  - 1
  - two
  - k: v
    l: true
nested:
  a: []
  b: 2
none: []
no_keys: {}
lines: "a\nb"
hash: "a #b"
date: "2026-11-23"
lists:
  -
    - x
`
	want = strings.Replace(want, "\nyes: ", "\n\"yes\": ", 1) // a key may be mistaken just as well
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestJSONKeepsTheOrderAndTheCharacters(t *testing.T) {
	var got bytes.Buffer
	o := &output{format: "json", noindent: true}
	if err := o.structured(&got, object{[]string{"z", "a"}, []any{"<&>", []string(nil)}}); err != nil {
		t.Fatal(err)
	}
	if want := `{"z":"<&>","a":null}` + "\n"; got.String() != want {
		t.Errorf("got %s, want %s", got.String(), want)
	}
}

func TestCellsCannotDriveTheTerminal(t *testing.T) {
	if got := cell("a\x1b[2Jb\x07\u202ec\td\ne"); got != "a\uFFFD[2Jb\uFFFD\uFFFDc d\ne" {
		t.Errorf("got %q", got)
	}
}

func TestCells(t *testing.T) {
	for _, test := range []struct {
		value any
		want  string
	}{
		{nil, ""},
		{true, "True"},
		{false, "False"},
		{0.5, "0.5"},
		{1.0, "1"},
		{[]string{"a", "b"}, "a, b"},
		{[]int{80, 443}, "80 443"},
		{map[string]string{"b": "2", "a": "1"}, "a=1\nb=2"},
		{client.Time{}, ""},
		{json.Number("7"), "7"},
		{&client.RestartPolicy{Name: "always"}, `{"Name":"always"}`},
		{(*client.RestartPolicy)(nil), ""},
		{words{"sh", "-c", "echo it's"}, `sh -c 'echo it'"'"'s'`},
		{addresses{"n": {{Addr: "fd00::4", Version: 6}, {Addr: "10.2.0.4", Version: 4}}}, "10.2.0.4, fd00::4"},
	} {
		if got := cell(test.value); got != test.want {
			t.Errorf("%#v: got %q, want %q", test.value, got, test.want)
		}
	}
}

func TestStagesAsLines(t *testing.T) {
	got := lines("run web  1.2 s", []stage{
		{name: "image", state: stageDone, took: 12 * time.Millisecond, detail: "found nginx"},
		{name: "port", state: stageRunning, took: 2345 * time.Millisecond},
		{name: "container_start", state: stageFailed, took: 12345 * time.Millisecond, detail: "no\nsuch\x1b file, and a reason that is longer than the line"},
	}, unicodeMarks, 1, 56)
	want := []string{
		"run web  1.2 s",
		"  ✓ image               12 ms  found nginx",
		"  ⠙ port              2345 ms",
		"  ✗ container_start    12.3 s  no such\uFFFD file, and a rea…",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRepaintGoesBackOverWhatItDrew(t *testing.T) {
	if got, want := repaint([]string{"a", "b"}, 0), "\r\x1b[2Ka\n\r\x1b[2Kb\n"; got != want {
		t.Errorf("first: got %q, want %q", got, want)
	}
	if got, want := repaint([]string{"a", "b", "c"}, 2), "\x1b[2A\r\x1b[2Ka\n\r\x1b[2Kb\n\r\x1b[2Kc\n"; got != want {
		t.Errorf("second: got %q, want %q", got, want)
	}
}

func TestRoffEscapes(t *testing.T) {
	if got, want := roff(".a -b\\c\n'd"), `\&.a \-b\ec`+"\n"+`\&'d`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
