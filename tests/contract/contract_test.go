package contract

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	record = flag.Bool("record", false, "keep what the real services answer in testdata/recorded")
	update = flag.Bool("update", false, "write docs/minicloud-differences.md")
)

// TestEmbeddedServicesAnswerAsRecorded holds the embedded services to what real ones
// answered when somebody last ran TestEmbeddedServicesAnswerAsRealOnes with -record.
func TestEmbeddedServicesAnswerAsRecorded(t *testing.T) {
	if *record {
		t.Skip("recording: nothing to compare with yet")
	}
	mini := openMinicloud(t, "contract-host")
	used := judgeAll(t, mini, func(tb testing.TB, q sequence) []observation {
		seen, ok := readRecorded(tb, q.file)[q.title]
		if !ok {
			tb.Fatalf("nothing is recorded of %s: run against a real OpenStack with -record", q)
		}
		return seen
	})
	reportStale(t, used)
}

func TestEmbeddedServicesAnswerAsRealOnes(t *testing.T) {
	real := openReal(t)
	mini := openMinicloud(t, real.values["host"])
	kept := map[string]map[string][]observation{}
	used := judgeAll(t, mini, func(tb testing.TB, q sequence) []observation {
		seen := plain(real.tell(tb, q))
		if kept[q.file] == nil {
			kept[q.file] = map[string][]observation{}
		}
		kept[q.file][q.title] = seen
		return seen
	})
	reportStale(t, used)
	if *record && !partial() {
		for file, sequences := range kept {
			writeRecorded(t, file, sequences)
		}
	}
}

// partial reports whether only some sequences run.
func partial() bool {
	return strings.Contains(flag.Lookup("test.run").Value.String(), "/")
}

// judgeAll compares every sequence, and returns which deliberate differences were met. What differs
// is asked once more, from the beginning: Neutron draws addresses by lot, and may have drawn one
// that a sequence asks for.
func judgeAll(t *testing.T, mini *cloud, theirs func(testing.TB, sequence) []observation) map[int]bool {
	used := map[int]bool{}
	for _, q := range readScripts(t) {
		name := q.file + "/" + q.title
		var differ []string
		t.Run(name, func(t *testing.T) { differ = judge(t, mini, q, theirs, used) })
		if len(differ) == 0 {
			continue
		}
		t.Run(name+" again", func(t *testing.T) {
			for _, line := range judge(t, mini, q, theirs, used) {
				t.Errorf("%s", line)
			}
		})
	}
	return used
}

// judge returns what differs in a sequence and should not, and notes in used what may.
func judge(t *testing.T, mini *cloud, q sequence, theirs func(testing.TB, sequence) []observation, used map[int]bool) (differ []string) {
	t.Helper()
	expected, got := theirs(t, q), plain(mini.tell(t, q))
	if len(expected) != len(q.steps) || len(got) != len(q.steps) {
		t.Fatalf("%d steps, Neutron answered %d of them, ours %d", len(q.steps), len(expected), len(got))
	}
	for i, s := range q.steps {
		if expected[i].Step != s.line {
			t.Fatalf("recorded was %q, not %q: record again", expected[i].Step, s.line)
		}
		for _, line := range compare(got[i], expected[i]) {
			if at := deliberate(s.line, line); at >= 0 {
				used[at] = true
				continue
			}
			differ = append(differ, s.line+"\n\t"+line)
		}
	}
	return differ
}

// reportStale fails when a difference that is listed is none.
func reportStale(t *testing.T, used map[int]bool) {
	if partial() {
		return
	}
	for i, d := range differences() {
		if !used[i] && !d.optional {
			t.Errorf("the difference %q was not met: it is mended, or nothing asks for it", d.subject)
		}
	}
}

func recordedPath(file string) string { return filepath.Join("testdata", "recorded", file+".json") }

func readRecorded(tb testing.TB, file string) map[string][]observation {
	tb.Helper()
	raw, err := os.Open(recordedPath(file))
	if err != nil {
		tb.Fatal(err)
	}
	defer raw.Close()
	decoder := json.NewDecoder(raw)
	decoder.UseNumber()
	var kept map[string][]observation
	if err := decoder.Decode(&kept); err != nil {
		tb.Fatalf("%s: %v", recordedPath(file), err)
	}
	return kept
}

func writeRecorded(tb testing.TB, file string, kept map[string][]observation) {
	tb.Helper()
	raw, err := json.MarshalIndent(kept, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(recordedPath(file)), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(recordedPath(file), append(raw, '\n'), 0o644); err != nil {
		tb.Fatal(err)
	}
}
