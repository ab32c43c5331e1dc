package config

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustParse(tb testing.TB, text string) *File {
	tb.Helper()
	f, err := Parse(strings.NewReader(text), "test.conf")
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestValues(t *testing.T) {
	f := mustParse(t, `early = 1
[a]
plain = x y
colon: z = 3
quoted = " kept "
half = "not
empty =
twice = one
twice = two
list = first
  second
	third
# comment = no
hash = a # stays
pass = pa$$wd%(x)s`+"`"+`\
other = ${b.c}/$plain/$missing/\$plain/${open
[b]
c = deep $early
loop = $loop
[a]
again = yes
`)
	for key, want := range map[string]string{
		"plain": "x y", "colon": "z = 3", "quoted": " kept ", "half": `"not`, "empty": "", "twice": "two",
		"list": "first\nsecond\nthird", "hash": "a # stays", "pass": "pa$wd%(x)s`\\",
		"other": "deep 1/x y/$missing/$plain/${open", "again": "yes",
	} {
		value, ok, err := f.Get("a", key)
		if err != nil || !ok || value != want {
			t.Errorf("%s = %q %t %v, want %q", key, value, ok, err, want)
		}
	}
	if _, _, err := f.Get("b", "loop"); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("loop: %v", err)
	}
	all, err := f.All("a", "twice")
	if diff := cmp.Diff([]string{"one", "two"}, all); diff != "" || err != nil {
		t.Error(diff, err)
	}
	merged := f.Merge(mustParse(t, "[a]\nplain = new"))
	if value, _, _ := merged.Get("a", "other"); value != "deep 1/new/$missing/$plain/${open" {
		t.Error(value)
	}
}

func TestWrongLines(t *testing.T) {
	for text, want := range map[string]string{
		"[open": "test.conf:1", "[]": "test.conf:1", "a = 1\nsecret": "test.conf:2", " indented": "test.conf:1", "= x": "test.conf:1",
	} {
		_, err := Parse(strings.NewReader(text), "test.conf")
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A kuryr.conf as the Python plugin's installation guide has it.
const python = `[DEFAULT]
bindir = /usr/local/libexec/kuryr
capability_scope = global
process_external_connectivity = False
kuryr_uri = http://127.0.0.1:23750
log_file = kuryr.log
[binding]
default_driver = kuryr.lib.binding.drivers.veth
[neutron]
www_authenticate_uri = http://controller:5000
auth_url = http://controller:5000
username = kuryr
user_domain_name = Default
password = KURYR_PASS
project_name = service
project_domain_name = Default
auth_type = password
endpoint_type = internalURL
enable_dhcp = 'False'
timeout = 2.5
`

func TestPythonsFileIsRead(t *testing.T) {
	c, err := ReadKuryr(mustParse(t, python))
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultKuryr()
	want.Scope, want.External, want.EnableDHCP = "global", false, false
	want.Login = Login{
		AuthURL: "http://controller:5000", Username: "kuryr", UserDomainName: "Default", Password: "KURYR_PASS",
		ProjectName: "service", ProjectDomainName: "Default", Interface: "internal", Timeout: 2500 * time.Millisecond,
	}
	if len(c.Warnings) != 4 {
		t.Errorf("warnings %q", c.Warnings)
	}
	c.Warnings = nil
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
}

func TestWrongValuesAreAllTold(t *testing.T) {
	_, err := ReadKuryr(mustParse(t, "debug = perhaps\ncapability_scope = wide\n[neutron]\ntimeout = long\nauth_type = kerberos\n"))
	for _, want := range []string{"debug", "capability_scope", "timeout", "auth_type"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not tell of %s", err, want)
		}
	}
}

func TestSampleIsReadAndSaysTheDefaults(t *testing.T) {
	var sample bytes.Buffer
	if err := WriteKuryrSample(&sample); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{sample.String(), strings.ReplaceAll(sample.String(), "\n#", "\n")} {
		var lines []string
		for _, line := range strings.Split(text, "\n") {
			if !strings.HasPrefix(line, " ") {
				lines = append(lines, line)
			}
		}
		c, err := ReadKuryr(mustParse(t, strings.Join(lines, "\n")))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(DefaultKuryr(), c); diff != "" {
			t.Error(diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(python)
	f.Add("a = ${b}\nb = $a")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse(strings.NewReader(text), "x")
		if err != nil {
			return
		}
		for section, options := range file.sections {
			for key := range options {
				_, _, _ = file.Get(section, key)
			}
		}
		_, _ = ReadKuryr(file)
	})
}
