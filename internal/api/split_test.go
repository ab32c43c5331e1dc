package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		"": nil, "  \t\n ": nil, "ls": {"ls"}, " ls  -l ": {"ls", "-l"},
		`"ls" "-l"`: {"ls", "-l"}, `sh -c 'echo "hi"'`: {"sh", "-c", `echo "hi"`}, `a"b c"d`: {"ab cd"},
		`""`: {""}, `'' a`: {"", "a"}, `a\ b`: {"a b"}, `"a\"b"`: {`a"b`}, `"a\b"`: {`a\b`}, `"a\\b"`: {`a\b`},
		`'a\b'`: {`a\b`}, `\'`: {"'"}, `$HOME *`: {"$HOME", "*"}, `ä "ö ü"`: {"ä", "ö ü"}, "a#b # c": {"a#b", "#", "c"},
	} {
		got, err := splitWords(line)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", line, err, diff)
		}
	}
	for _, line := range []string{`'`, `"`, `a "b`, `a\`, `"a\"`, `'a"`} {
		if got, err := splitWords(line); err == nil {
			t.Errorf("%s: %q", line, got)
		}
	}
}

// TestQuotedWordsComeBack: whatever words are quoted for a shell, they are split again.
func TestQuotedWordsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.String(), 1, 5).Draw(t, "words")
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
			if rapid.Bool().Draw(t, "double") {
				quoted[i] = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(w) + `"`
			}
		}
		got, err := splitWords(strings.Join(quoted, " "))
		if diff := cmp.Diff(words, got); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
	})
}
