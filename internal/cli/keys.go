package cli

import (
	"bytes"
	"strings"
)

// parseKeys reads the keys that detach: characters, "~.", or names between commas,
// "ctrl-p,q". "none" and nothing are none.
func parseKeys(text string) ([]byte, error) {
	if text == "" || text == "none" {
		return nil, nil
	}
	names := strings.Split(text, ",")
	if len(names) == 1 && !strings.HasPrefix(text, "ctrl-") {
		names = strings.Split(text, "")
	}
	var keys []byte
	for _, name := range names {
		key, ok := parseKey(name)
		if !ok {
			return nil, usageErrorf("--detach-keys %s: %q is neither a character nor ctrl- with a letter or one of @[\\]^_", text, name)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func parseKey(name string) (byte, bool) {
	control, isControl := strings.CutPrefix(name, "ctrl-")
	switch {
	case isControl && len(control) == 1:
		c := strings.ToUpper(control)[0]
		return c - '@', c >= '@' && c <= '_'
	case len(name) == 1:
		return name[0], name[0] > ' ' && name[0] < 0x7f
	}
	return 0, false
}

// keyNames is how keys are told to users.
func keyNames(keys []byte) string {
	var names []string
	separator := ""
	for _, key := range keys {
		if key < ' ' {
			names, separator = append(names, "Ctrl-"+string(rune(key+'@'))), " "
		} else {
			names = append(names, string(rune(key)))
		}
	}
	return strings.Join(names, separator)
}

// keyWatch finds the keys that detach in what is typed. Keys that begin with a character
// count at the beginning of a line only, and there the first of them typed twice is one of
// it, as with ssh; keys that begin with Ctrl count anywhere.
type keyWatch struct {
	keys    []byte
	matched int  // of keys; these are not passed on yet
	within  bool // a line was begun
}

// filter returns what of the input is to be passed on, and whether the keys were typed;
// what comes after them is dropped.
func (w *keyWatch) filter(input []byte) (passed []byte, detach bool) {
	if len(w.keys) == 0 {
		return input, false
	}
	for _, key := range input {
		if w.matched == 0 && w.lineOnly() && w.within {
			passed = w.pass(passed, key)
			continue
		}
		switch {
		case key == w.keys[w.matched]:
			if w.matched++; w.matched == len(w.keys) {
				return passed, true
			}
		case w.matched == 1 && key == w.keys[0] && w.lineOnly():
			w.matched = 0
			passed = w.pass(passed, key)
		default:
			passed = append(passed, w.keys[:w.matched]...)
			w.within = w.within || w.matched > 0
			w.matched = 0
			if key == w.keys[0] && !(w.lineOnly() && w.within) {
				w.matched = 1
				continue
			}
			passed = w.pass(passed, key)
		}
	}
	return passed, false
}

func (w *keyWatch) lineOnly() bool { return w.keys[0] > ' ' }

// pass adds a key and remembers whether it ends a line.
func (w *keyWatch) pass(to []byte, key byte) []byte {
	w.within = !bytes.ContainsRune([]byte("\r\n\x03\x04"), rune(key)) // after Ctrl-C and Ctrl-D, too, there is a new prompt
	return append(to, key)
}
