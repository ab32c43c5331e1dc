package zun

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

// Code and status map both ways: a status leads to a code of that very status, and every
// code that stands for a status is one that is known.
func TestCodesAndStatuses(t *testing.T) {
	for code, status := range statuses {
		if got := code.Status(); got != status {
			t.Errorf("%s has status %d, not %d", code, got, status)
		}
		if got := CodeOfStatus(status).Status(); got != status {
			t.Errorf("status %d comes back as %d", status, got)
		}
		if known, ok := KnownCode(string(code)); !ok || known != code {
			t.Errorf("%s is not known", code)
		}
	}
	for status, want := range map[int]Code{418: CodeInvalid, 502: CodeInternal, 200: CodeInternal} {
		if got := CodeOfStatus(status); got != want {
			t.Errorf("status %d stands for %s, not %s", status, got, want)
		}
	}
	if got := Code("never heard of").Status(); got != 500 {
		t.Errorf("an unknown code has status %d", got)
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	shown := Errorf(CodeConflict, "cannot read: %w", io.EOF)
	hidden := Wrap(CodeUnavailable, io.EOF, "Docker does not answer")
	for _, err := range []error{shown, hidden, fmt.Errorf("wrapped: %w", hidden)} {
		if !errors.Is(err, io.EOF) {
			t.Errorf("%v has lost its cause", err)
		}
	}
	if got := shown.Error(); got != "cannot read: EOF" {
		t.Errorf("Errorf says %q", got)
	}
	if got := hidden.Error(); got != "Docker does not answer" {
		t.Errorf("Wrap says %q", got)
	}
}

func TestCodeOf(t *testing.T) {
	for _, c := range []struct {
		err      error
		code     Code
		notFound bool
	}{
		{nil, "", false},
		{io.EOF, CodeInternal, false},
		{Errorf(CodePortNotFound, "gone"), CodePortNotFound, true},
		{fmt.Errorf("outer: %w", Errorf(CodeContainerNotFound, "gone")), CodeContainerNotFound, true},
		{Wrap(CodeConflict, Errorf(CodeNotFound, "gone"), "taken"), CodeConflict, false},
	} {
		if got := CodeOf(c.err); got != c.code {
			t.Errorf("%v has code %q, not %q", c.err, got, c.code)
		}
		if got := IsNotFound(c.err); got != c.notFound {
			t.Errorf("IsNotFound(%v) is %t", c.err, got)
		}
	}
}
