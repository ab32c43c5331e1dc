package zun

import (
	"errors"
	"fmt"
	"log/slog"
)

// masked is what is shown of a secret, whatever it is. Zun shows the same.
const masked = "***"

// Secret is a password that must not get into a log, an error or an answer by accident:
// formatting and logging show three stars, and encoding it fails. Reveal is the one way to
// its text. The zero Secret is the empty text.
type Secret struct {
	text *string // behind a pointer, so that no formatting of a struct around it reaches the text
}

// NewSecret keeps a text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text, for sealing it or for the registry that wants it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// Format implements fmt.Formatter: three stars for every verb.
func (s Secret) Format(state fmt.State, _ rune) {
	_, _ = state.Write([]byte(masked)) // fmt keeps the error itself
}

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText implements encoding.TextMarshaler, for JSON too, by failing: whoever encodes
// a secret has to say so.
func (s Secret) MarshalText() ([]byte, error) {
	return nil, errors.New("a secret is not encoded; reveal it where it is meant to be read")
}
