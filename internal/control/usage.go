package control

import (
	"context"
	"strings"
	"unicode"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// Top lists the processes of a running container as ps shows them; args are more arguments
// of ps, "" and "None" being its default. CodeInvalid: ps does not take them;
// CodeInvalidState; CodeUnavailable: the host does not answer.
func (s *Service) Top(ctx context.Context, g policy.Grant, ref, args string) (zun.Processes, error) {
	if args == "None" {
		args = ""
	}
	if strings.ContainsFunc(args, unicode.IsControl) {
		return zun.Processes{}, zun.Errorf(zun.CodeInvalid, "cannot list the processes of container %s: the arguments of ps hold control characters", ref)
	}
	c, node, err := s.running(ctx, g, ref, "top")
	if err != nil {
		return zun.Processes{}, err
	}
	processes, err := node.Top(ctx, c, args)
	return processes, hostSays(c.Host, err)
}

// Stats returns a container and one sample of what it uses. CodeInvalidState: it does not
// run; CodeUnavailable: the host does not answer.
func (s *Service) Stats(ctx context.Context, g policy.Grant, ref string) (zun.Container, zun.Usage, error) {
	c, node, err := s.running(ctx, g, ref, "stats")
	if err != nil {
		return c, zun.Usage{}, err
	}
	usage, err := node.Usage(ctx, c)
	return c, usage, hostSays(c.Host, err)
}
