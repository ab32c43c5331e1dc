package api

import (
	"fmt"
	"strings"
	"testing"
)

// Every signal of Linux in the four spellings that Zun's clients may use, and by number.
func TestEverySpellingOfEverySignal(t *testing.T) {
	names := strings.Fields(`HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP
		TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMIN+1 RTMIN+15 RTMAX-14 RTMAX-1 RTMAX`)
	for i, name := range names {
		for _, spelling := range []string{name, "SIG" + name, strings.ToLower(name), "sig" + strings.ToLower(name)} {
			if got, ok := signalOf(spelling); !ok || got != "SIG"+name {
				t.Errorf("%s is %q, %v", spelling, got, ok)
			}
		}
		if got, ok := signalOf(fmt.Sprint(i + 1)); !ok || got != fmt.Sprint(i+1) {
			t.Errorf("%d is %q, %v", i+1, got, ok)
		}
	}
	for alias, name := range map[string]string{"IOT": "ABRT", "sigcld": "CHLD", "POLL": "IO"} {
		if got, ok := signalOf(alias); !ok || got != "SIG"+name {
			t.Errorf("%s is %q, %v", alias, got, ok)
		}
	}
	for _, none := range []string{"", "None"} {
		if got, ok := signalOf(none); !ok || got != "" {
			t.Errorf("%q is %q, %v", none, got, ok)
		}
	}
	for _, bad := range []string{"0", "65", "-9", "SigTerm", "Term", "SIG", "SIGSIGTERM", "BANG", "RTMIN+16", "RTMIN+0", "RTMAX-15", "RTMAX+1", "RTMIN-1", "RTMIN+01", "none", "TERM ", "9.0"} {
		if got, ok := signalOf(bad); ok {
			t.Errorf("%q was taken for %q", bad, got)
		}
	}
}

// Every form of a timeout that comes in a query or a body.
func TestFormsOfATimeout(t *testing.T) {
	for _, action := range []string{"stop", "reboot"} {
		for _, test := range []struct {
			query, body string
			want        string // as control is asked; "" is 400
		}{
			{"", "", "default"},
			{"?timeout=", "", "default"},
			{"", `{"timeout":null}`, "default"},
			{"", `{"timeout":""}`, "default"},
			{"?timeout=0", "", "0"},
			{"?timeout=10", "", "10"},
			{"?timeout=007", "", "7"},
			{"", `{"timeout":10}`, "10"},
			{"", `{"timeout":"10"}`, "10"},
			{"?timeout=5", `{"timeout":6}`, "6"},
			{"?timeout=2147483647", "", "2147483647"}, // what Docker's 32 bits hold
			{"?timeout=None", "", ""},
			{"?timeout=-1", "", ""},
			{"?timeout=1.5", "", ""},
			{"?timeout=10s", "", ""},
			{"?timeout=2147483648", "", ""},
			{"?timeout=1&timeout=2", "", ""},
			{"", `{"timeout":-1}`, ""},
			{"", `{"timeout":1.5}`, ""},
			{"", `{"timeout":true}`, ""},
			{"", `{"timeout":{}}`, ""},
		} {
			f := newFixture(t)
			a := f.do("POST", "/v1/containers/web/"+action+test.query, test.body, version("1.1"))
			asked := strings.Join(f.memory.asked, ";")
			if test.want == "" && (a.status != 400 || asked != "") || test.want != "" && (a.status != 202 || asked != action+" web "+test.want) {
				t.Errorf("%s%s %s: %d %s; control was asked %q", action, test.query, test.body, a.status, a.text, asked)
			}
		}
	}
}
