package keystone

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gozun/gozun/zun"
)

const openrcAdvice = "source an openrc file (`. openrc`), or name a cloud of your clouds.yaml with OS_CLOUD or --os-cloud"

// FromEnvironment reads the OS_* variables that OpenStack's clients share: a password, an
// application credential or a token, chosen by what is set or by OS_AUTH_TYPE. With
// OS_CLOUD the named cloud of clouds.yaml is taken; the variables then give only the
// region, the interface, and the password where the file has none, so that a sourced
// openrc does not mix with it.
//
// CodeInvalid: something needed is not set; the message names the variable.
func FromEnvironment(getenv func(string) string) (Credentials, error) {
	if cloud := getenv("OS_CLOUD"); cloud != "" {
		return fromCloudAndEnvironment(cloud, getenv)
	}
	c := Credentials{
		AuthURL:  getenv("OS_AUTH_URL"),
		Username: first(getenv, "OS_USERNAME", "OS_USER_NAME"), UserID: getenv("OS_USER_ID"), Password: getenv("OS_PASSWORD"),
		UserDomainName: getenv("OS_USER_DOMAIN_NAME"), UserDomainID: first(getenv, "OS_USER_DOMAIN_ID", "OS_DEFAULT_DOMAIN"),
		ProjectName: first(getenv, "OS_PROJECT_NAME", "OS_TENANT_NAME"), ProjectID: first(getenv, "OS_PROJECT_ID", "OS_TENANT_ID"),
		ProjectDomainName: getenv("OS_PROJECT_DOMAIN_NAME"), ProjectDomainID: first(getenv, "OS_PROJECT_DOMAIN_ID", "OS_DEFAULT_DOMAIN"),
		ApplicationCredentialID:     getenv("OS_APPLICATION_CREDENTIAL_ID"),
		ApplicationCredentialName:   getenv("OS_APPLICATION_CREDENTIAL_NAME"),
		ApplicationCredentialSecret: getenv("OS_APPLICATION_CREDENTIAL_SECRET"),
		Token:                       first(getenv, "OS_TOKEN", "OS_AUTH_TOKEN"),
		Region:                      getenv("OS_REGION_NAME"),
		Interface:                   first(getenv, "OS_INTERFACE", "OS_ENDPOINT_TYPE"),
		CACert:                      getenv("OS_CACERT"),
		Endpoints:                   map[string]string{},
	}
	c.dropShadowedDomains(getenv)
	c.Insecure, _ = strconv.ParseBool(getenv("OS_INSECURE"))
	for _, service := range overridable {
		if url := getenv("OS_" + strings.ToUpper(service) + "_ENDPOINT_OVERRIDE"); url != "" {
			c.Endpoints[service] = url
		}
	}
	c, err := c.ofType(getenv("OS_AUTH_TYPE"))
	if err != nil {
		return Credentials{}, err
	}
	if err := c.missing(func(field string) string { return "OS_" + strings.ToUpper(field) }, openrcAdvice); err != nil {
		return Credentials{}, err
	}
	return c, nil
}

// overridable are the services whose endpoint a user may set by hand.
var overridable = []string{"network", "container", "identity"}

// dropShadowedDomains lets a domain's name win over OS_DEFAULT_DOMAIN, which only stands
// in where nothing is said.
func (c *Credentials) dropShadowedDomains(getenv func(string) string) {
	if c.UserDomainName != "" && getenv("OS_USER_DOMAIN_ID") == "" {
		c.UserDomainID = ""
	}
	if c.ProjectDomainName != "" && getenv("OS_PROJECT_DOMAIN_ID") == "" {
		c.ProjectDomainID = ""
	}
}

// ofType keeps only the fields of the named way to log in (keystoneauth's plugin names).
func (c Credentials) ofType(authType string) (Credentials, error) {
	switch authType {
	case "":
	case "password", "v3password":
		c.Token, c.ApplicationCredentialID, c.ApplicationCredentialName, c.ApplicationCredentialSecret = "", "", "", ""
	case "token", "v3token":
		c.Username, c.UserID, c.Password = "", "", ""
		c.ApplicationCredentialID, c.ApplicationCredentialName, c.ApplicationCredentialSecret = "", "", ""
		if c.Token == "" {
			return c, zun.Errorf(zun.CodeInvalid, "cannot log in: the auth type is %s, but OS_TOKEN is not set; get one with `openstack token issue`", authType)
		}
	case "v3applicationcredential":
		c.Token, c.Password = "", ""
		if c.ApplicationCredentialID == "" && c.ApplicationCredentialName == "" {
			return c, zun.Errorf(zun.CodeInvalid, "cannot log in: the auth type is %s, but OS_APPLICATION_CREDENTIAL_ID is not set", authType)
		}
	default:
		return c, zun.Errorf(zun.CodeInvalid, "cannot log in: the auth type %q is not supported; use password, token or v3applicationcredential", authType)
	}
	return c, nil
}

func fromCloudAndEnvironment(cloud string, getenv func(string) string) (Credentials, error) {
	var raw rawCloud
	raw, err := readCloud(cloud, cloudPaths(getenv))
	if err != nil {
		return Credentials{}, err
	}
	if raw.Auth.Password == "" {
		raw.Auth.Password = getenv("OS_PASSWORD")
	}
	c, err := raw.credentials(cloud)
	if err != nil {
		return Credentials{}, err
	}
	if region := getenv("OS_REGION_NAME"); region != "" {
		c.Region = region
	}
	if kind := first(getenv, "OS_INTERFACE", "OS_ENDPOINT_TYPE"); kind != "" {
		c.Interface = kind
	}
	return c, nil
}

// cloudPaths lists where a clouds.yaml may be, in the order of openstacksdk.
func cloudPaths(getenv func(string) string) []string {
	if path := getenv("OS_CLIENT_CONFIG_FILE"); path != "" {
		return []string{path}
	}
	paths := []string{"clouds.yaml"}
	if config := getenv("XDG_CONFIG_HOME"); config != "" {
		paths = append(paths, filepath.Join(config, "openstack", "clouds.yaml"))
	} else if home := getenv("HOME"); home != "" {
		paths = append(paths, filepath.Join(home, ".config", "openstack", "clouds.yaml"))
	}
	return append(paths, "/etc/openstack/clouds.yaml")
}

func first(getenv func(string) string, names ...string) string {
	for _, name := range names {
		if value := getenv(name); value != "" {
			return value
		}
	}
	return ""
}
