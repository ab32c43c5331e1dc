package console

import (
	"encoding/base64"
	"io"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// The subprotocols. The last two are Zun's, and are websockify's. The first is that of
// gozun's own client: like binary, and an empty message ends the process's input, for which
// websockets have no word.
const (
	protocolOwn    = "v1.console.gozun"
	protocolBinary = "binary"
	protocolBase64 = "base64"
)

// subprotocols lists them, the preferred first.
func subprotocols() []string { return []string{protocolOwn, protocolBinary, protocolBase64} }

// framing is how bytes are put into messages. Without a subprotocol output goes in text
// messages, which must be UTF-8: what is not is replaced.
type framing struct {
	kind   websocket.MessageType
	base64 bool
	ends   bool // an empty message ends the input
}

func framingOf(subprotocol string) framing {
	switch subprotocol {
	case protocolOwn:
		return framing{kind: websocket.MessageBinary, ends: true}
	case protocolBinary:
		return framing{kind: websocket.MessageBinary}
	case protocolBase64:
		return framing{kind: websocket.MessageText, base64: true}
	}
	return framing{kind: websocket.MessageText}
}

// encode returns the message for a piece of output.
func (f framing) encode(piece []byte) []byte {
	switch {
	case f.base64:
		return base64.StdEncoding.AppendEncode(nil, piece)
	case f.kind == websocket.MessageText:
		return toValid(piece)
	}
	return piece
}

// decode returns the bytes of a message of input.
func (f framing) decode(message io.Reader) io.Reader {
	if f.base64 {
		return base64.NewDecoder(base64.StdEncoding, message)
	}
	return message
}

// toValid replaces each byte that is no UTF-8.
func toValid(piece []byte) []byte {
	if utf8.Valid(piece) {
		return piece
	}
	valid := make([]byte, 0, len(piece)+8)
	for len(piece) > 0 {
		r, size := utf8.DecodeRune(piece)
		valid = utf8.AppendRune(valid, r)
		piece = piece[size:]
	}
	return valid
}

// whole returns how much of b can be sent without cutting a character in two: all of it, or
// all but the beginning of a character at its end. Clients decode each message on its own,
// binary or not.
func whole(b []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(b); back++ {
		begin := len(b) - back
		if !utf8.RuneStart(b[begin]) {
			continue
		}
		if !utf8.FullRune(b[begin:]) {
			return begin
		}
		break
	}
	return len(b)
}
