package network

import (
	"fmt"
	"net/http"
)

// fault is an error as Neutron's clients know it: they act on the status and on kind,
// the name of Neutron's exception (neutron_lib.exceptions), and show the message.
type fault struct {
	status  int
	kind    string
	message string
}

func (f *fault) Error() string { return f.message }

func newFault(status int, kind, format string, args ...any) *fault {
	return &fault{status, kind, fmt.Sprintf(format, args...)}
}

func notFound(kind, format string, args ...any) *fault {
	return newFault(http.StatusNotFound, kind, format, args...)
}

func conflict(kind, format string, args ...any) *fault {
	return newFault(http.StatusConflict, kind, format, args...)
}

func badRequest(kind, format string, args ...any) *fault {
	return newFault(http.StatusBadRequest, kind, format, args...)
}

// malformed is what Neutron's front door says, before it looks at what is there.
func malformed(format string, args ...any) *fault {
	return badRequest("HTTPBadRequest", format, args...)
}

// invalidInput is Neutron's InvalidInput, whose message has a fixed beginning.
func invalidInput(format string, args ...any) *fault {
	return badRequest("InvalidInput", "Invalid input for operation: %s.", fmt.Sprintf(format, args...))
}

// denied says that a policy rule, and perhaps one for an attribute, forbids it.
func denied(action, kind, attribute string) *fault {
	rule := "rule:" + action + "_" + kind
	if attribute != "" {
		rule = "(" + rule + " and " + rule + ":" + attribute + ")"
	}
	return newFault(http.StatusForbidden, "PolicyNotAuthorized", "%s is disallowed by policy", rule)
}

func networkNotFound(id string) *fault {
	return notFound("NetworkNotFound", "Network %s could not be found.", id)
}

func subnetNotFound(id string) *fault {
	return notFound("SubnetNotFound", "Subnet %s could not be found.", id)
}

func poolNotFound(id string) *fault {
	return notFound("SubnetPoolNotFound", "Subnet pool %s could not be found.", id)
}

func portNotFound(id string) *fault {
	return notFound("PortNotFound", "Port %s could not be found.", id)
}

func groupNotFound(id string) *fault {
	return notFound("SecurityGroupNotFound", "Security group %s does not exist", id)
}

func groupRuleNotFound(id string) *fault {
	return notFound("SecurityGroupRuleNotFound", "Security group rule %s does not exist", id)
}
