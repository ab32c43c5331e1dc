package cli

import "github.com/spf13/cobra"

// helpTopics are pages of `zun help` that are about no single command.
func helpTopics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "exit-codes", Short: "What the exit codes mean", Long: exitCodesText},
		{Use: "environment", Short: "Where credentials and settings come from", Long: environmentText},
		{Use: "floating-ips", Short: "How a container gets a floating IP, for which there is no command", Long: floatingText},
		{Use: "output", Short: "Output formats and columns", Long: outputText},
	}
}

const exitCodesText = `Exit codes:

    0  it was done, or, without waiting, accepted
    1  the service refused or failed
    2  the command line cannot be understood
    3  a container, network or other thing named is not there
    4  Keystone or the service cannot be reached, or does not take the credentials
    5  it was accepted and then failed (the container is in Error), or was waited for
       longer than --wait-timeout
  130  interrupted; what was accepted goes on

zun exec ends with the exit code of the command that it ran. Of several containers or
networks each is tried, and the code is that of the first failure.`

const environmentText = `Credentials come from the OS_* variables of an openrc file, or from a cloud of clouds.yaml
named with OS_CLOUD or --os-cloud; flags win over variables:

    OS_AUTH_URL          Keystone
    OS_USERNAME          and OS_USER_DOMAIN_NAME; or OS_USER_ID
    OS_PASSWORD          asked for on a terminal when it is missing
    OS_PROJECT_NAME      and OS_PROJECT_DOMAIN_NAME; or OS_PROJECT_ID
    OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET, instead of a user
    OS_TOKEN             instead of a password
    OS_CLOUD             a cloud in clouds.yaml: ./, ~/.config/openstack/, /etc/openstack/,
                         or the file that OS_CLIENT_CONFIG_FILE names
    OS_REGION_NAME, OS_INTERFACE, OS_CACERT, OS_INSECURE

    OS_CONTAINER_ENDPOINT_OVERRIDE   the container service's URL, not the catalog's
    OS_NETWORK_ENDPOINT_OVERRIDE     Neutron's URL, not the catalog's
    ZUN_API_VERSION                  a pinned API version, 1.40

Each variable has a flag of the same name in small letters, --os-auth-url.`

const floatingText = `zun has no commands for floating IPs: a floating IP belongs to a Neutron port, and each
container has a port of its own on every network. Where Neutron has routers:

    zun network-list CONTAINER                             shows its ports
    openstack floating ip create --port PORT NETWORK       from an external network

openstack appcontainer add floating ip does the same. The Neutron that zund solo brings along
has no routers, and so no floating IPs. Its host reaches each container at the address that
zun list shows.`

const outputText = `-f chooses the format:

    table   boxes, for people
    json    everything known, for programs; --noindent puts it on one line
    yaml    the same
    csv     with a heading, all but numbers in quotes
    value   bare values: a line per thing in lists, a line per field otherwise

-c NAME shows only that column, and may be repeated; names are those of the json keys.
Results go to standard output. Progress, hints and errors go to standard error, and
progress is redrawn in place only on a terminal.`
