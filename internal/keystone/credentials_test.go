package keystone

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

func environment(pairs ...string) func(string) string {
	values := map[string]string{}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		values[name] = value
	}
	return func(name string) string { return values[name] }
}

func TestFromEnvironment(t *testing.T) {
	none := map[string]string{}
	for name, test := range map[string]struct {
		variables []string
		want      Credentials
	}{
		"password": {
			[]string{
				"OS_AUTH_URL=http://h:5000/v3", "OS_USERNAME=demo", "OS_PASSWORD=p", "OS_PROJECT_NAME=demo",
				"OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_DOMAIN_ID=default", "OS_REGION_NAME=R", "OS_INTERFACE=internal",
				"OS_CACERT=/ca.pem", "OS_INSECURE=true", "OS_NETWORK_ENDPOINT_OVERRIDE=http://n:9696", "OS_DEFAULT_DOMAIN=other",
			},
			Credentials{
				AuthURL: "http://h:5000/v3", Username: "demo", Password: "p", ProjectName: "demo", UserDomainName: "Default",
				ProjectDomainID: "default", Region: "R", Interface: "internal", CACert: "/ca.pem", Insecure: true,
				Endpoints: map[string]string{"network": "http://n:9696"},
			},
		},
		"password, by older names": {
			[]string{"OS_AUTH_URL=u", "OS_USER_ID=i", "OS_PASSWORD=p", "OS_TENANT_NAME=t", "OS_ENDPOINT_TYPE=adminURL"},
			Credentials{AuthURL: "u", UserID: "i", Password: "p", ProjectName: "t", Interface: "adminURL", Endpoints: none},
		},
		"application credential": {
			[]string{"OS_AUTH_TYPE=v3applicationcredential", "OS_AUTH_URL=u", "OS_APPLICATION_CREDENTIAL_ID=a", "OS_APPLICATION_CREDENTIAL_SECRET=s", "OS_PASSWORD=left over"},
			Credentials{AuthURL: "u", ApplicationCredentialID: "a", ApplicationCredentialSecret: "s", Endpoints: none},
		},
		"token": {
			[]string{"OS_AUTH_URL=u", "OS_TOKEN=t"},
			Credentials{AuthURL: "u", Token: "t", Endpoints: none},
		},
		"token wins when the type says so": {
			[]string{"OS_AUTH_TYPE=v3token", "OS_AUTH_URL=u", "OS_TOKEN=t", "OS_USERNAME=demo", "OS_PASSWORD=p", "OS_PROJECT_ID=x"},
			Credentials{AuthURL: "u", Token: "t", ProjectID: "x", Endpoints: none},
		},
		"password wins when the type says so": {
			[]string{"OS_AUTH_TYPE=password", "OS_AUTH_URL=u", "OS_TOKEN=t", "OS_USERNAME=demo", "OS_PASSWORD=p"},
			Credentials{AuthURL: "u", Username: "demo", Password: "p", Endpoints: none},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := FromEnvironment(environment(test.variables...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatTheEnvironmentLacksIsNamed(t *testing.T) {
	for name, test := range map[string]struct {
		variables []string
		says      []string
	}{
		"nothing":            {nil, []string{"OS_AUTH_URL", "openrc", "OS_CLOUD"}},
		"no user":            {[]string{"OS_AUTH_URL=u", "OS_PASSWORD=p"}, []string{"OS_USERNAME", "openrc"}},
		"no password":        {[]string{"OS_AUTH_URL=u", "OS_USERNAME=demo"}, []string{"OS_PASSWORD", "openrc"}},
		"no secret":          {[]string{"OS_AUTH_URL=u", "OS_APPLICATION_CREDENTIAL_ID=a"}, []string{"OS_APPLICATION_CREDENTIAL_SECRET"}},
		"no credential id":   {[]string{"OS_AUTH_URL=u", "OS_APPLICATION_CREDENTIAL_SECRET=a"}, []string{"OS_APPLICATION_CREDENTIAL_ID"}},
		"credential by name": {[]string{"OS_AUTH_URL=u", "OS_APPLICATION_CREDENTIAL_NAME=a", "OS_APPLICATION_CREDENTIAL_SECRET=s"}, []string{"OS_USERNAME"}},
		"no token":           {[]string{"OS_AUTH_TYPE=v3token", "OS_AUTH_URL=u"}, []string{"OS_TOKEN"}},
		"unknown type":       {[]string{"OS_AUTH_TYPE=v3kerberos", "OS_AUTH_URL=u"}, []string{"v3kerberos", "v3applicationcredential"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := FromEnvironment(environment(test.variables...))
			if zun.CodeOf(err) != zun.CodeInvalid {
				t.Fatalf("code %q of %v", zun.CodeOf(err), err)
			}
			for _, word := range test.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not name %s", err, word)
				}
			}
		})
	}
}

// files writes files into a new directory and returns the path of the first.
func files(t *testing.T, pairs ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(pairs); i += 2 {
		if err := os.WriteFile(filepath.Join(dir, pairs[i]), []byte(pairs[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, pairs[0])
}

const cloudsYAML = `
clouds:
  lab:
    auth:
      auth_url: http://h:5000
      username: demo
      project_name: demo
      user_domain_name: Default
      project_domain_id: default
    regions: [{name: North}, South]
    interface: internal
    verify: false
    network_endpoint_override: http://n:9696
  shop:
    profile: vendor
    auth: {username: bob, password: b}
  credential:
    auth_type: v3applicationcredential
    auth: {auth_url: u, application_credential_id: a, application_credential_secret: s}
  poor:
    auth: {auth_url: u, username: x}
  odd: {auth: [1, 2]}
`

func TestFromCloud(t *testing.T) {
	path := files(t, "clouds.yaml", cloudsYAML,
		"secure.yaml", "clouds: {lab: {auth: {password: hidden}}}",
		"clouds-public.yaml", "public-clouds: {vendor: {auth: {auth_url: http://v, username: nobody}, region_name: V}}")
	for name, want := range map[string]Credentials{
		"lab": {
			AuthURL: "http://h:5000", Username: "demo", Password: "hidden", ProjectName: "demo", UserDomainName: "Default",
			ProjectDomainID: "default", Region: "North", Interface: "internal", Insecure: true,
			Endpoints: map[string]string{"network": "http://n:9696"},
		},
		"shop":       {AuthURL: "http://v", Username: "bob", Password: "b", Region: "V", Endpoints: map[string]string{}},
		"credential": {AuthURL: "u", ApplicationCredentialID: "a", ApplicationCredentialSecret: "s", Endpoints: map[string]string{}},
	} {
		got, err := FromCloud(name, "/does/not/exist/clouds.yaml", path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestBadClouds(t *testing.T) {
	path := files(t, "clouds.yaml", cloudsYAML, "bad.yaml", "clouds: [\npassword: secretword\n")
	bad := filepath.Join(filepath.Dir(path), "bad.yaml")
	for name, test := range map[string]struct {
		cloud, path string
		says        []string
	}{
		"unknown cloud": {"nope", path, []string{`"nope"`, path, "credential, lab, odd, poor, shop"}},
		"no file":       {"lab", "/does/not/exist", []string{"/does/not/exist"}},
		"not YAML":      {"lab", bad, []string{bad, "not valid YAML"}},
		"no password":   {"poor", path, []string{"auth.password", `"poor"`}},
		"wrong type":    {"odd", path, []string{`"odd"`, "wrong type"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := FromCloud(test.cloud, test.path)
			if zun.CodeOf(err) != zun.CodeInvalid {
				t.Fatalf("code %q of %v", zun.CodeOf(err), err)
			}
			for _, word := range test.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %s", err, word)
				}
			}
			if strings.Contains(err.Error(), "secretword") {
				t.Errorf("%q shows what is in the file", err)
			}
		})
	}
}

func TestACloudNamedInTheEnvironment(t *testing.T) {
	path := files(t, "clouds.yaml", cloudsYAML)
	got, err := FromEnvironment(environment("OS_CLOUD=lab", "OS_CLIENT_CONFIG_FILE="+path, "OS_PASSWORD=given",
		"OS_REGION_NAME=South", "OS_USERNAME=of another openrc", "OS_AUTH_URL=of another openrc"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Password != "given" || got.Region != "South" || got.Username != "demo" || got.AuthURL != "http://h:5000" {
		t.Errorf("got %+v", got)
	}
	got, err = FromEnvironment(environment("OS_CLOUD=shop", "HOME=/does/not/exist"))
	if err == nil || !strings.Contains(err.Error(), "/does/not/exist/.config/openstack/clouds.yaml") {
		t.Errorf("got %+v, %v", got, err)
	}
}
