package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// nextStep says what a user can do about err, or "" when the message says it all.
func (s *session) nextStep(command *cobra.Command, err error) string {
	var usage usageError
	var waited waitedError
	var ended endedError
	var unreachable *client.UnreachableError
	var login loginError
	switch {
	case errors.As(err, &usage):
		return command.CommandPath() + " --help"
	case errors.As(err, &waited):
		return fmt.Sprintf("zun action-show %s %s", waited.order.ref, waited.order.request)
	case errors.As(err, &ended):
		return ""
	case zun.CodeOf(err) == zun.CodeUnauthorized:
		return s.credentialsAdvice()
	case errors.As(err, &login):
		return loginAdvice(err)
	case errors.As(err, &unreachable):
		return fmt.Sprintf("curl -i %s/ ; is the service running? On one machine `zund solo` is all of it. --os-endpoint-override URL names another", unreachable.URL)
	}
	var told *zun.Error
	if !errors.As(err, &told) {
		return "" // a file that cannot be written, and the like
	}
	return adviceByCode(told.Code, command, err)
}

// loginAdvice leaves messages alone that already say what to do.
func loginAdvice(err error) string {
	if zun.CodeOf(err) == zun.CodeUnavailable && !strings.Contains(err.Error(), ";") {
		return "is Keystone running, and is OS_AUTH_URL right? On one machine `zund solo` is all of it, and `. /var/lib/gozun/openrc` sets the variables"
	}
	return ""
}

func (s *session) credentialsAdvice() string {
	as := "them"
	if s.opened != nil {
		as = s.opened.as
	}
	return "check the credentials (" + as + "): OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME and their --os-* flags, or --os-cloud"
}

func adviceByCode(code zun.Code, command *cobra.Command, err error) string {
	neutron := strings.Contains(command.CommandPath(), "neutron")
	switch code {
	case zun.CodeNetworkNotFound:
		if neutron {
			return "neutron net-list"
		}
		return "zun network-list (yours), neutron net-list (Neutron's)"
	case zun.CodeContainerNotFound:
		return "zun list"
	case zun.CodeImageExists:
		return "zun image-list, and zun image-delete to have it pulled anew"
	case zun.CodeRegistryNotFound:
		return "zun registry-list"
	case zun.CodePortNotFound, zun.CodePortInUse, zun.CodePortNotUsable:
		return "neutron port-list"
	case zun.CodeHostNotFound, zun.CodeRequestedHostNotFound:
		return "zun host-list"
	case zun.CodeServiceNotFound:
		return "zun service-list"
	case zun.CodeResourceNotFound:
		return "zun action-list CONTAINER"
	case zun.CodeImageNotFound:
		return "another image or tag, or --image-pull-policy always to ask the registry again"
	case zun.CodeContainerExists:
		return "zun list, and choose another name"
	case zun.CodeNetworkExists:
		return "zun network-list, and choose another name"
	case zun.CodeNetworkInUse:
		return "zun delete or zun network-detach the containers named, then this again"
	case zun.CodeInvalidState:
		return stateAdvice(command, err)
	case zun.CodeOverQuota:
		return "zun quota-get --usages; delete what is not needed, or ask an administrator for more"
	case zun.CodePolicyNotAuthorized:
		return "ask an administrator of the cloud for a role that may do this"
	case zun.CodeNotAcceptable, zun.CodeMicroversionUnsupported, zun.CodeInvalidParamInVersion:
		return "zun version-list"
	case zun.CodeUnavailable, zun.CodeInternal:
		return "again in a moment; if it stays, give the operator this message"
	}
	return ""
}

func stateAdvice(command *cobra.Command, err error) string {
	if command.Name() == "delete" && strings.Contains(err.Error(), string(zun.StatusRunning)) {
		return "zun delete --stop, which stops the container first"
	}
	return "zun show CONTAINER, for what it is doing now"
}
