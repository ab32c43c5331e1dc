package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/client"
)

func TestParsePorts(t *testing.T) {
	got, err := parsePorts([]string{"80", "443/tcp", "53/udp"})
	if diff := cmp.Diff(map[string]struct{}{"80": {}, "443/tcp": {}, "53/udp": {}}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if got, err := parsePorts(nil); got != nil || err != nil {
		t.Errorf("%v %v", got, err)
	}
	for _, text := range []string{"", "0", "65536", "http", "80/", "80/sctp", "80:80", "-1"} {
		if _, err := parsePorts([]string{text}); err == nil || !strings.Contains(err.Error(), "--expose-port "+text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParseHealthcheck(t *testing.T) {
	for text, want := range map[string]*client.HealthcheckCreate{
		"":                    nil,
		"cmd=true":            {Cmd: "true"},
		"interval=30":         {Interval: 30},
		"cmd=a,b = c,retries": {Cmd: "a,b = c,retries"},
		"cmd=wget -q -O- localhost,interval=30s,timeout=1m,retries=3": {Cmd: "wget -q -O- localhost", Interval: 30, Timeout: 60, Retries: 3},
		"retries=0, interval=1h ,cmd= test -e /a ":                    {Cmd: "test -e /a", Interval: 3600},
	} {
		got, err := parseHealthcheck(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{
		"true", "cmd=", "cmd", "x=1,cmd=true", "cmd=true,cmd=false", "cmd=true,interval=", "cmd=true,interval=soon", "cmd=true,interval=-1",
		"cmd=true,timeout=1d", "cmd=true,retries=many", "cmd=true,retries=-1", "cmd=true,timeout=99999999999",
	} {
		if got, err := parseHealthcheck(text); err == nil || !strings.Contains(err.Error(), "--healthcheck "+text) {
			t.Errorf("%q was taken as %+v, %v", text, got, err)
		}
	}
}

func TestParseMount(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a file")
	if err := os.WriteFile(file, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]client.Mount{
		"type=bind,source=" + file + ",destination=/etc/a": {Type: "bind", Source: "aGVsbG8K", Destination: "/etc/a"},
		"destination=/data, source=vol":                    {Source: "vol", Destination: "/data"},
		"type=volume,size=3,destination=/data":             {Type: "volume", Size: "3", Destination: "/data"},
	} {
		got, err := parseMount(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for text, says := range map[string]string{
		"":                                                    "is not that",
		"/etc/a":                                              "is not that",
		"type=bind,source=" + file:                            "the destination is missing",
		"type=bind,destination=/a":                            "the source is missing",
		"destination=/a":                                      "the source is missing",
		"type=bind,size=1,destination=/a":                     "the source is missing",
		"type=tmpfs,source=a,destination=b":                   "the type is bind",
		"source=a,source=b,destination=/a":                    "is not that",
		"source=,destination=/a":                              "is not that",
		"source=a,destination=/a,mode=ro":                     `"mode=ro" is not that`,
		"type=bind,source=" + dir + ",destination=/a":         "is a directory",
		"type=bind,source=" + dir + "/nope,destination=/a":    "no such file",
		"type=bind,source=" + file + ",size=1,destination=/a": "no size",
	} {
		if got, err := parseMount(text); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hello") {
			t.Errorf("%q was taken as %+v, %v", text, got, err)
		}
	}
}
