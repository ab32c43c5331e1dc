package console

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/coder/websocket"
	"pgregory.net/rapid"
)

// pieces plays the loop of the output: it cuts what comes in chunks into messages.
func pieces(f framing, chunks [][]byte) (messages [][]byte) {
	var held []byte
	for i, chunk := range chunks {
		held = append(held, chunk...)
		ready := whole(held)
		if i == len(chunks)-1 {
			ready = len(held)
		}
		if ready > 0 {
			messages = append(messages, bytes.Clone(f.encode(held[:ready])))
		}
		held = bytes.Clone(held[ready:])
	}
	return messages
}

// cut draws a way to cut bytes into chunks.
func cut(t *rapid.T, text []byte) (chunks [][]byte) {
	for len(text) > 0 {
		n := rapid.IntRange(1, min(len(text), 7)).Draw(t, "n")
		chunks, text = append(chunks, text[:n]), text[n:]
	}
	return append(chunks, nil)
}

func TestACharacterIsNeverCut(t *testing.T) {
	const text = "aé€𝄞\u00a0ü界\U0010ffff~"
	for at := range len(text) + 1 {
		messages := pieces(framing{kind: websocket.MessageBinary}, [][]byte{[]byte(text[:at]), []byte(text[at:])})
		for _, message := range messages {
			if !utf8.Valid(message) {
				t.Errorf("cut at %d: %q", at, message)
			}
		}
		if got := bytes.Join(messages, nil); string(got) != text {
			t.Errorf("cut at %d: %q", at, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(rapid.String().Draw(t, "text"))
		messages := pieces(framing{kind: websocket.MessageText}, cut(t, text))
		for _, message := range messages {
			if !utf8.Valid(message) || bytes.ContainsRune(message, utf8.RuneError) && !bytes.ContainsRune(text, utf8.RuneError) {
				t.Errorf("%q", message)
			}
		}
		if got := bytes.Join(messages, nil); !bytes.Equal(got, text) {
			t.Errorf("%q became %q", text, got)
		}
	})
}

// Whatever a process writes: binary messages have it unchanged; text messages are UTF-8, and
// have it as if it had been repaired in one piece.
func TestAnyBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\xf0\x9d\x84\x9e\xe2\x82\xac\xc3\xa9a")))).Draw(t, "text")
		chunks := cut(t, text)
		if got := bytes.Join(pieces(framing{kind: websocket.MessageBinary}, chunks), nil); !bytes.Equal(got, text) {
			t.Errorf("binary: %q became %q", text, got)
		}
		messages := pieces(framing{kind: websocket.MessageText}, chunks)
		for _, message := range messages {
			if !utf8.Valid(message) {
				t.Errorf("text: %q", message)
			}
		}
		repaired := strings.Builder{}
		for _, r := range string(text) { // Go's own way to read it
			repaired.WriteRune(r)
		}
		if got := string(bytes.Join(messages, nil)); got != repaired.String() {
			t.Errorf("text: %q became %q, want %q", text, got, repaired.String())
		}
	})
}

// Not more than the beginning of one character waits for the rest.
func TestLittleIsHeldBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOf(rapid.Byte()).Draw(t, "text")
		n := whole(text)
		if held := text[n:]; len(held) >= utf8.UTFMax || len(held) > 0 && utf8.FullRune(held) {
			t.Errorf("of %q %q is held back", text, held)
		}
	})
}
