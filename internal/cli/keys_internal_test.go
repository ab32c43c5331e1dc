package cli

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseKeys(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "none": "", "~.": "~.", "~,.": "~.", "ctrl-p,ctrl-q": "\x10\x11", "ctrl-P,q": "\x10q", "ctrl-]": "\x1d", "ctrl-@": "\x00", "ctrl-\\": "\x1c", "q": "q",
	} {
		if got, err := parseKeys(text); err != nil || string(got) != want {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	for _, text := range []string{"ctrl-", "ctrl-1", "ctrl-ab", "é", "a,bc", "a,,b", "\x01", "a b"} {
		if got, err := parseKeys(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestKeyWatch(t *testing.T) {
	for _, test := range []struct {
		keys, typed, passed string
		detach              bool
	}{
		{"~.", "~.", "", true},
		{"~.", "ls\r~.rest", "ls\r", true},
		{"~.", "ls\n~.", "ls\n", true},
		{"~.", "\x03~.", "\x03", true},
		{"~.", "a~.", "a~.", false},
		{"~.", "~/x\r~x~.", "~/x\r~x~.", false},
		{"~.", "~~.\r", "~.\r", false},
		{"~.", "~\r~.", "~\r", true},
		{"~.", "\r~\r", "\r~\r", false},
		{"\x10\x11", "ab\x10\x11c", "ab", true},
		{"\x10\x11", "\x10a\x10\x10b", "\x10a\x10\x10b", false},
		{"\x10\x11", "\x10\x10\x11", "\x10", true},
		{"", "~.\x10\x11", "~.\x10\x11", false},
	} {
		for size := range len(test.typed) { // whatever comes at once
			w := &keyWatch{keys: []byte(test.keys)}
			var passed []byte
			detach := false
			for rest := []byte(test.typed); len(rest) > 0 && !detach; {
				n := min(size+1, len(rest))
				var more []byte
				more, detach = w.filter(rest[:n])
				passed, rest = append(passed, more...), rest[n:]
			}
			if string(passed) != test.passed || detach != test.detach {
				t.Errorf("%q at %q in pieces of %d: %q %v", test.keys, test.typed, size+1, passed, detach)
			}
		}
	}
}

// Whatever is typed arrives, but for the keys themselves and a doubled first one.
func TestKeyWatchLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typed := []byte(rapid.StringOf(rapid.SampledFrom([]rune("~.ab\r\x10\x11"))).Draw(t, "typed"))
		keys := rapid.SampledFrom([]string{"~.", "\x10\x11", "\x10\x10"}).Draw(t, "keys")
		w := &keyWatch{keys: []byte(keys)}
		passed, detach := w.filter(typed)
		passed = append(bytes.Clone(passed), w.keys[:w.matched]...)
		if detach {
			if !bytes.Contains(typed, w.keys) {
				t.Fatalf("%q left at %q", keys, typed)
			}
			return
		}
		want := string(typed)
		if w.lineOnly() { // one of two at the beginning of a line is left out
			want = strings.ReplaceAll(want, keys[:1], "")
			passed = []byte(strings.ReplaceAll(string(passed), keys[:1], ""))
		}
		if string(passed) != want {
			t.Errorf("%q at %q: passed %q", keys, typed, passed)
		}
	})
}
