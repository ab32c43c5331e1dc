package client_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gozun/gozun/client"
)

// shellSplit splits as the service does: POSIX quoting, as Python's shlex.split has it.
func shellSplit(s string) ([]string, error) {
	var words []string
	var word []byte
	started := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if started {
				words, word, started = append(words, string(word)), nil, false
			}
		case c == '\'':
			started = true
			for i++; i < len(s) && s[i] != '\''; i++ {
				word = append(word, s[i])
			}
			if i == len(s) {
				return nil, errors.New("no closing quotation")
			}
		case c == '"':
			started = true
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
					i++
				}
				word = append(word, s[i])
			}
			if i == len(s) {
				return nil, errors.New("no closing quotation")
			}
		case c == '\\' && i+1 < len(s):
			started = true
			i++
			word = append(word, s[i])
		default:
			started = true
			word = append(word, c)
		}
	}
	if started {
		words = append(words, string(word))
	}
	return words, nil
}

func TestJoinedCommandSplitsIntoTheSameWords(t *testing.T) {
	nasty := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("'\"\\ \t\n$`a#;|&*?"))))
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(nasty, 1, 6).Draw(t, "words")
		got, err := shellSplit(client.JoinCommand(words))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(words, got); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", client.JoinCommand(words), diff)
		}
	})
}

func TestSplitterKnowsShell(t *testing.T) { // else the property above proves nothing
	got, err := shellSplit(`a "b \"c" 'd\e' f\ g ''`)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", `b "c`, `d\e`, "f g", ""}, got); diff != "" {
		t.Error(diff)
	}
}
