package zun

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestASecretIsNotShown(t *testing.T) {
	const text = "hunter2"
	held := struct {
		Open   Secret
		closed Secret // formatting cannot call methods of what is in here
	}{NewSecret(text), NewSecret(text)}
	access := RegistryAccess{Domain: "d", Username: "u", Password: NewSecret(text)}
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&shown, verb+verb+verb, held, access, held.Open)
	}
	for _, handler := range []slog.Handler{slog.NewTextHandler(&shown, nil), slog.NewJSONHandler(&shown, nil)} {
		slog.New(handler).Info("x", "secret", held.Open, "held", held, "access", access)
	}
	if strings.Contains(shown.String(), text) || strings.Contains(shown.String(), fmt.Sprintf("%x", text)) {
		t.Errorf("shown: %s", shown.String())
	}
	if raw, err := json.Marshal(access); err == nil || bytes.Contains(raw, []byte(text)) {
		t.Errorf("encoded: %s %v", raw, err)
	}
	if held.closed.Reveal() != text || (Secret{}).Reveal() != "" {
		t.Error("a secret does not keep its text")
	}
}

func TestImageReference(t *testing.T) {
	for _, c := range []struct{ domain, image, want string }{
		{"", "nginx", "nginx"},
		{"r.example:5000", "nginx:1", "r.example:5000/nginx:1"},
		{"r.example:5000", "r.example:5000/nginx:1", "r.example:5000/nginx:1"},
		{"r.example/team", "app", "r.example/team/app"},
		{"r.example/team", "r.example/team/app@sha256:00", "r.example/team/app@sha256:00"},
	} {
		if got := (RegistryAccess{Domain: c.domain}).ImageReference(c.image); got != c.want {
			t.Errorf("%s at %q is %s, want %s", c.image, c.domain, got, c.want)
		}
	}
}
