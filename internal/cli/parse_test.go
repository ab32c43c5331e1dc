package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gozun/gozun/client"
)

func TestParseNet(t *testing.T) {
	good := map[string]client.Net{
		"foo":                              {Network: "foo"},
		"network=foo":                      {Network: "foo"},
		"port=p1":                          {Port: "p1"},
		"network=foo,v4-fixed-ip=10.2.0.9": {Network: "foo", IPv4: "10.2.0.9"},
		"foo,v6-fixed-ip=fd00::9":          {Network: "foo", IPv6: "fd00::9"},
		"v4-fixed-ip=10.2.0.9,network=foo,v6-fixed-ip=fd00::9": {Network: "foo", IPv4: "10.2.0.9", IPv6: "fd00::9"},
		"network=a=b": {Network: "a=b"},
	}
	for text, want := range good {
		got, err := parseNet(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	bad := []string{
		"", "network=", "port=p,network=n", "v4-fixed-ip=10.2.0.9", "foo,bar", "foo,network=bar", "network=a,network=b",
		"subnet=x", "foo,v4-fixed-ip=fd00::9", "foo,v6-fixed-ip=10.0.0.1", "foo,v4-fixed-ip=10.0.0.300", "foo,", ",foo",
	}
	for _, text := range bad {
		if got, err := parseNet(text); err == nil {
			t.Errorf("%q was taken as %+v", text, got)
		} else if !strings.Contains(err.Error(), "--net "+text) {
			t.Errorf("%q: the error does not name it: %v", text, err)
		}
	}
}

func TestParseMemory(t *testing.T) {
	for text, want := range map[string]string{"": "", "256": "256", "256m": "256", "1g": "1024", "2G": "2048", "2048k": "2"} {
		if got, err := parseMemory(text); got != want || err != nil {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"0", "-1", "m", "1.5g", "1000k", "1t", "99999999999", "512 m"} {
		if got, err := parseMemory(text); err == nil {
			t.Errorf("%q was taken as %s MiB", text, got)
		}
	}
}

func TestParseRestart(t *testing.T) {
	good := map[string]*client.RestartPolicy{
		"": nil, "always": {Name: "always"}, "no": {Name: "no"}, "unless-stopped": {Name: "unless-stopped"},
		"on-failure": {Name: "on-failure"}, "on-failure:3": {Name: "on-failure", MaximumRetryCount: "3"},
	}
	for text, want := range good {
		got, err := parseRestart(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"sometimes", "always:3", "on-failure:", "on-failure:-1", "on-failure:x", ":3"} {
		if _, err := parseRestart(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "0": time.Unix(0, 0).UTC(), "1700000000": time.Unix(1700000000, 0).UTC(), "10m": now.Add(-10 * time.Minute),
		"2026-11-23T11:00:00Z": now.Add(-time.Hour), "2026-11-23T12:00:00+01:00": now.Add(-time.Hour),
		"2026-11-23 11:00:00": now.Add(-time.Hour), "2026-11-23 11:00:00,500": now.Add(-time.Hour + 500*time.Millisecond),
		"2026-11-23": now.Add(-12 * time.Hour),
	} {
		got, err := parseSince(text, now)
		if err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "-5", "-5m", "2026-13-01"} {
		if got, err := parseSince(text, now); err == nil {
			t.Errorf("%q was taken as %v", text, got)
		}
	}
}

func TestPairs(t *testing.T) {
	got, err := pairs("-e", []string{"A=b", "C=d=e", "E="})
	if diff := cmp.Diff(map[string]string{"A": "b", "C": "d=e", "E": ""}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{"A", "=b", ""} {
		if _, err := pairs("-e", []string{text}); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestSplitWordsUndoesQuoting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringOf(rapid.SampledFrom([]rune("'\"\\ \t\nab$"))), 1, 5).Draw(t, "words")
		got, err := splitWords(client.JoinCommand(words))
		if diff := cmp.Diff(words, got); diff != "" || err != nil {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	})
	for _, text := range []string{"'open", `"open`, `end\`} {
		if got, err := splitWords(text); err == nil {
			t.Errorf("%q was taken as %q", text, got)
		}
	}
}

func TestPinnedVersions(t *testing.T) {
	for text, want := range map[string]string{"": "", "1": "", "latest": "", "1.latest": "", "1.40": "1.40", "1.1": "1.1"} {
		if got, err := pinned(text); got != want || err != nil {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"1.42", "2", "2.0", "x", "1.x", "-1.1"} {
		if got, err := pinned(text); err == nil {
			t.Errorf("%q was taken as %q", text, got)
		}
	}
}
