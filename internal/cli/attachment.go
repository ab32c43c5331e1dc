package cli

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// fixedIPs are the addresses of a port.
type fixedIPs []client.FixedIP

// String returns the addresses, one per line.
func (f fixedIPs) String() string {
	ips := make([]string, len(f))
	for i, ip := range f {
		ips[i] = ip.IPAddress
	}
	return strings.Join(ips, "\n")
}

func attachedNetworkFields() []column[client.AttachedNetwork] {
	type n = client.AttachedNetwork
	return []column[n]{
		{name: "net_id", get: func(k n) any { return k.NetID }},
		{name: "port_id", get: func(k n) any { return k.PortID }},
		{name: "fixed_ips", get: func(k n) any { return fixedIPs(k.FixedIPs) }},
	}
}

func (s *session) networkAttachCommand() *cobra.Command {
	var what client.Attach
	command := &cobra.Command{
		Use:   "network-attach CONTAINER",
		Short: "Put a container on one more network",
		Example: `  zun network-attach web --network bar
  zun network-attach web --network bar --fixed-ip 10.3.0.9
  zun network-attach web --port my-port`,
		Args:              exactArgs("CONTAINER"),
		ValidArgsFunction: s.completeContainers(1),
	}
	flags := command.Flags()
	flags.StringVar(&what.FixedIP, "fixed-ip", "", "address to have there")
	w := s.attachFlags(command, &what)
	command.RunE = func(command *cobra.Command, args []string) error {
		if what.FixedIP != "" && !isIP(what.FixedIP, netip.Addr.IsValid) {
			return usageErrorf("--fixed-ip %s: it is an address", what.FixedIP)
		}
		return s.change(command, args, what, w, ordering{
			kind: zun.ActionNetworkAttach, past: "attached", next: "zun network-list %s",
			place: func(ctx context.Context, c *client.Client, ref string) (string, error) {
				return c.AttachNetwork(ctx, ref, what)
			},
		})
	}
	return command
}

func (s *session) networkDetachCommand() *cobra.Command {
	var what client.Attach
	command := &cobra.Command{
		Use:               "network-detach CONTAINER",
		Short:             "Take a container off a network",
		Example:           "  zun network-detach web --network bar",
		Args:              exactArgs("CONTAINER"),
		ValidArgsFunction: s.completeContainers(1),
	}
	w := s.attachFlags(command, &what)
	command.RunE = func(command *cobra.Command, args []string) error {
		return s.change(command, args, what, w, ordering{
			kind: zun.ActionNetworkDetach, past: "detached", next: "zun network-list %s",
			place: func(ctx context.Context, c *client.Client, ref string) (string, error) {
				return c.DetachNetwork(ctx, ref, what)
			},
		})
	}
	return command
}

func (s *session) attachFlags(command *cobra.Command, what *client.Attach) *waiting {
	flags := command.Flags()
	flags.StringVar(&what.Network, "network", "", "network, name or UUID")
	flags.StringVar(&what.Port, "port", "", "Neutron port, name or UUID")
	s.bindNetCompletion(command, "network")
	return waitFlags(command)
}

func (s *session) change(command *cobra.Command, args []string, what client.Attach, w *waiting, how ordering) error {
	if (what.Network == "") == (what.Port == "") {
		return usageErrorf("%s needs either --network or --port", command.Name())
	}
	return s.orderAll(command, args, w, how)
}

// say writes what was done, for people and scripts alike.
func (s *session) say(format string, args ...any) {
	fmt.Fprintln(s.Stdout, printable(fmt.Sprintf(format, args...)))
}
