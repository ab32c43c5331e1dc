package cli

import (
	"github.com/spf13/cobra"
)

// global is a flag that stands for an environment variable and wins over it.
type global struct {
	name, variable, purpose string
	hidden                  bool // taken, for scripts written for other clients, but not shown
}

// globals are python-zunclient's and python-neutronclient's authentication flags.
func globals() []global {
	return []global{
		{name: "os-cloud", variable: "OS_CLOUD", purpose: "take the credentials of this cloud in clouds.yaml"},
		{name: "os-auth-url", variable: "OS_AUTH_URL", purpose: "Keystone's URL"},
		{name: "os-username", variable: "OS_USERNAME", purpose: "user's name"},
		{name: "os-password", variable: "OS_PASSWORD", purpose: "user's password (asked for on a terminal when missing)"},
		{name: "os-project-name", variable: "OS_PROJECT_NAME", purpose: "project's name"},
		{name: "os-region-name", variable: "OS_REGION_NAME", purpose: "region"},
		{name: "os-cacert", variable: "OS_CACERT", purpose: "PEM file of the certificate authorities to trust"},
		{name: "os-user-id", variable: "OS_USER_ID", hidden: true},
		{name: "os-user-domain-name", variable: "OS_USER_DOMAIN_NAME", hidden: true},
		{name: "os-user-domain-id", variable: "OS_USER_DOMAIN_ID", hidden: true},
		{name: "os-project-id", variable: "OS_PROJECT_ID", hidden: true},
		{name: "os-tenant-name", variable: "OS_TENANT_NAME", hidden: true},
		{name: "os-tenant-id", variable: "OS_TENANT_ID", hidden: true},
		{name: "os-project-domain-name", variable: "OS_PROJECT_DOMAIN_NAME", hidden: true},
		{name: "os-project-domain-id", variable: "OS_PROJECT_DOMAIN_ID", hidden: true},
		{name: "os-application-credential-id", variable: "OS_APPLICATION_CREDENTIAL_ID", hidden: true},
		{name: "os-application-credential-name", variable: "OS_APPLICATION_CREDENTIAL_NAME", hidden: true},
		{name: "os-application-credential-secret", variable: "OS_APPLICATION_CREDENTIAL_SECRET", hidden: true},
		{name: "os-token", variable: "OS_TOKEN", hidden: true},
		{name: "os-auth-token", variable: "OS_AUTH_TOKEN", hidden: true},
		{name: "os-auth-type", variable: "OS_AUTH_TYPE", hidden: true},
		{name: "os-interface", variable: "OS_INTERFACE", hidden: true},
		{name: "os-endpoint-type", variable: "OS_ENDPOINT_TYPE", hidden: true},
		{name: "endpoint-type", variable: "OS_ENDPOINT_TYPE", hidden: true},
		{name: "os-endpoint-override", variable: "OS_CONTAINER_ENDPOINT_OVERRIDE", purpose: "the container service's URL, instead of the catalog's"},
		{name: "bypass-url", variable: "OS_CONTAINER_ENDPOINT_OVERRIDE", hidden: true},
		{name: "zun-api-version", variable: "ZUN_API_VERSION", purpose: "pin the API version, 1.40 (default: the highest that both sides speak)"},
	}
}

func (s *session) globalFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	for _, g := range globals() {
		s.flags[g.name] = flags.String(g.name, "", g.purpose+" [env: "+g.variable+"]")
		if g.hidden {
			_ = flags.MarkHidden(g.name) // it exists: it was just made
		}
	}
	flags.BoolVar(&s.insecure, "insecure", false, "do not check the servers' certificates")
	flags.BoolVar(&s.debug, "debug", false, "show the requests and answers on standard error, secrets masked")
}

// getenv is the environment with the global flags over it.
func (s *session) getenv(name string) string {
	for _, g := range globals() {
		if value := *s.flags[g.name]; g.variable == name && value != "" {
			return value
		}
	}
	return s.Getenv(name)
}
