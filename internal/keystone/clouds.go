package keystone

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gozun/gozun/zun"
)

// FromCloud reads the named cloud from the first of paths that is there; without paths,
// from where openstacksdk looks: OS_CLIENT_CONFIG_FILE, else ./clouds.yaml,
// ~/.config/openstack/clouds.yaml and /etc/openstack/clouds.yaml. A secure.yaml beside it
// adds secrets, and a profile is looked up in a clouds-public.yaml beside it.
//
// gophercloud has a reader of its own; it drops endpoint overrides and the path of the CA
// file, both of which we need to keep.
//
// CodeInvalid: no such file or cloud, or the cloud lacks what a login needs.
func FromCloud(name string, paths ...string) (Credentials, error) {
	if len(paths) == 0 {
		paths = cloudPaths(os.Getenv)
	}
	raw, err := readCloud(name, paths)
	if err != nil {
		return Credentials{}, err
	}
	return raw.credentials(name)
}

// rawCloud is a cloud as the file has it.
type rawCloud struct {
	Auth struct {
		AuthURL           string `yaml:"auth_url"`
		Username          string `yaml:"username"`
		UserID            string `yaml:"user_id"`
		Password          string `yaml:"password"`
		UserDomainName    string `yaml:"user_domain_name"`
		UserDomainID      string `yaml:"user_domain_id"`
		ProjectName       string `yaml:"project_name"`
		ProjectID         string `yaml:"project_id"`
		TenantName        string `yaml:"tenant_name"`
		TenantID          string `yaml:"tenant_id"`
		ProjectDomainName string `yaml:"project_domain_name"`
		ProjectDomainID   string `yaml:"project_domain_id"`
		DomainName        string `yaml:"domain_name"`
		DomainID          string `yaml:"domain_id"`
		CredentialID      string `yaml:"application_credential_id"`
		CredentialName    string `yaml:"application_credential_name"`
		CredentialSecret  string `yaml:"application_credential_secret"`
		Token             string `yaml:"token"`
	} `yaml:"auth"`
	AuthType          string `yaml:"auth_type"`
	Region            string `yaml:"region_name"`
	Regions           []any  `yaml:"regions"`
	Interface         string `yaml:"interface"`
	EndpointType      string `yaml:"endpoint_type"`
	Verify            *bool  `yaml:"verify"`
	CACert            string `yaml:"cacert"`
	NetworkEndpoint   string `yaml:"network_endpoint_override"`
	ContainerEndpoint string `yaml:"container_endpoint_override"`
	IdentityEndpoint  string `yaml:"identity_endpoint_override"`
}

func (r rawCloud) credentials(name string) (Credentials, error) {
	auth := r.Auth
	c := Credentials{
		AuthURL: auth.AuthURL, Username: auth.Username, UserID: auth.UserID, Password: auth.Password,
		UserDomainName: either(auth.UserDomainName, auth.DomainName), UserDomainID: either(auth.UserDomainID, auth.DomainID),
		ProjectName: either(auth.ProjectName, auth.TenantName), ProjectID: either(auth.ProjectID, auth.TenantID),
		ProjectDomainName: either(auth.ProjectDomainName, auth.DomainName), ProjectDomainID: either(auth.ProjectDomainID, auth.DomainID),
		ApplicationCredentialID: auth.CredentialID, ApplicationCredentialName: auth.CredentialName,
		ApplicationCredentialSecret: auth.CredentialSecret, Token: auth.Token,
		Region: r.region(), Interface: either(r.Interface, r.EndpointType),
		CACert: r.CACert, Insecure: r.Verify != nil && !*r.Verify,
		Endpoints: map[string]string{},
	}
	for service, url := range map[string]string{"network": r.NetworkEndpoint, "container": r.ContainerEndpoint, "identity": r.IdentityEndpoint} {
		if url != "" {
			c.Endpoints[service] = url
		}
	}
	c, err := c.ofType(r.AuthType)
	if err != nil {
		return Credentials{}, err
	}
	advice := fmt.Sprintf("add it to the cloud %q in clouds.yaml", name)
	if err := c.missing(func(field string) string { return "auth." + field }, advice); err != nil {
		return Credentials{}, err
	}
	return c, nil
}

// region returns the region, or the first of the list: names, or objects with a name.
func (r rawCloud) region() string {
	if r.Region != "" || len(r.Regions) == 0 {
		return r.Region
	}
	switch region := r.Regions[0].(type) {
	case string:
		return region
	case map[string]any:
		name, _ := region["name"].(string)
		return name
	}
	return ""
}

func readCloud(name string, paths []string) (rawCloud, error) {
	path, clouds, err := readFirst(paths)
	if err != nil {
		return rawCloud{}, err
	}
	cloud, found := clouds[name].(map[string]any)
	if !found {
		return rawCloud{}, zun.Errorf(zun.CodeInvalid, "cannot log in: there is no cloud %q in %s; it has: %s",
			name, path, strings.Join(slices.Sorted(maps.Keys(clouds)), ", "))
	}
	beside := filepath.Dir(path)
	secrets, err := readSection(filepath.Join(beside, "secure.yaml"), "clouds")
	if err != nil {
		return rawCloud{}, err
	}
	if secret, ok := secrets[name].(map[string]any); ok {
		cloud = merge(secret, cloud)
	}
	if profile, ok := cloud["profile"].(string); ok {
		public, err := readSection(filepath.Join(beside, "clouds-public.yaml"), "public-clouds")
		if err != nil {
			return rawCloud{}, err
		}
		if common, ok := public[profile].(map[string]any); ok {
			cloud = merge(cloud, common)
		}
	}
	return decodeCloud(name, path, cloud)
}

// decodeCloud goes through YAML once more, so that the merged maps get the checks of the
// typed decoder.
func decodeCloud(name, path string, cloud map[string]any) (rawCloud, error) {
	var raw rawCloud
	text, err := yaml.Marshal(cloud)
	if err == nil {
		err = yaml.Unmarshal(text, &raw)
	}
	if err != nil {
		return rawCloud{}, zun.Wrap(zun.CodeInvalid, err, "cannot read cloud %q of %s: a value has the wrong type", name, path)
	}
	return raw, nil
}

func readFirst(paths []string) (string, map[string]any, error) {
	for _, path := range paths {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		clouds, err := readSection(path, "clouds")
		return path, clouds, err
	}
	return "", nil, zun.Errorf(zun.CodeInvalid, "cannot log in: no clouds.yaml found; looked at %s", strings.Join(paths, ", "))
}

// readSection returns one top-level map of a YAML file; a file that is not there is empty.
func readSection(path, section string) (map[string]any, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, zun.Errorf(zun.CodeInvalid, "cannot read %s: %w", path, err)
	}
	var file map[string]any
	if err := yaml.Unmarshal(raw, &file); err != nil {
		// The library's text quotes the file, which holds passwords.
		return nil, zun.Errorf(zun.CodeInvalid, "cannot read %s: it is not valid YAML", path)
	}
	values, _ := file[section].(map[string]any)
	return values, nil
}

// merge returns base with over's values over its own, maps within maps too.
func merge(over, base map[string]any) map[string]any {
	merged := maps.Clone(base)
	for key, value := range over {
		inner, isMap := value.(map[string]any)
		if old, ok := merged[key].(map[string]any); ok && isMap {
			value = merge(inner, old)
		}
		merged[key] = value
	}
	return merged
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
