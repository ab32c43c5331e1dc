package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

func hostFields() []column[client.Host] {
	type h = client.Host
	return []column[h]{
		{name: "uuid", get: func(k h) any { return k.UUID }},
		{name: "hostname", get: func(k h) any { return k.Hostname }},
		{name: "cpus", get: func(k h) any { return k.CPUs }},
		{name: "cpu_used", get: func(k h) any { return k.CPUUsed }},
		{name: "mem_total", get: func(k h) any { return k.MemTotal }},
		{name: "mem_used", get: func(k h) any { return k.MemUsed }},
		{name: "disk_total", get: func(k h) any { return k.DiskTotal }},
		{name: "disk_used", get: func(k h) any { return k.DiskUsed }},
		{name: "disk_quota_supported", get: func(k h) any { return k.DiskQuotaSupported }},
		{name: "total_containers", get: func(k h) any { return k.TotalContainers }},
		{name: "running_containers", get: func(k h) any { return k.RunningContainers }},
		{name: "paused_containers", get: func(k h) any { return k.PausedContainers }},
		{name: "stopped_containers", get: func(k h) any { return k.StoppedContainers }},
		{name: "architecture", get: func(k h) any { return k.Architecture }},
		{name: "os_type", get: func(k h) any { return k.OSType }},
		{name: "os", get: func(k h) any { return k.OS }},
		{name: "kernel_version", get: func(k h) any { return k.KernelVersion }},
		{name: "labels", get: func(k h) any { return k.Labels }},
		{name: "runtimes", get: func(k h) any { return k.Runtimes }},
		{name: "enable_cpu_pinning", get: func(k h) any { return k.EnableCPUPinning }},
	}
}

// listedHost are python-zunclient's columns for a list, and then the others.
func listedHost() []column[client.Host] {
	return ordered(hostFields(), []string{"uuid", "hostname", "mem_total", "cpus", "disk_total"})
}

func (s *session) hostListCommand() *cobra.Command {
	var page client.Page
	command := &cobra.Command{
		Use:   "host-list",
		Short: "List the machines that run containers (administrators)",
		Long: `List the machines that run containers. What is used is what the containers placed there
may use together; memory is in MiB, disk in GiB. It is for administrators.`,
		Example: `  zun host-list
  zun host-list -c hostname -c mem_total -c mem_used --sort-key mem_used --sort-dir desc`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := listFlags(command)
	pageFlags(command, &page)
	command.PreRunE = func(*cobra.Command, []string) error { return checkPage(page) }
	command.RunE = listing(s, out, listedHost(), func(ctx context.Context, c *client.Client, _ []string) ([]client.Host, error) {
		return c.ListHosts(ctx, page)
	})
	return command
}

func (s *session) hostShowCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "host-show HOST",
		Short:             "Show a machine that runs containers (administrators)",
		Example:           "  zun host-show compute1\n  zun host-show compute1 -f json",
		Args:              exactArgs("HOST"),
		ValidArgsFunction: s.completeHosts(),
	}
	out := outputFlags(command)
	command.RunE = showing(s, out, hostFields(), func(ctx context.Context, c *client.Client, args []string) (client.Host, error) {
		return c.GetHost(ctx, args[0])
	})
	return command
}

// completeHosts completes one host, for those who may see them.
func (s *session) completeHosts() completer {
	return s.complete(1, s.hostNames)
}

func (s *session) hostNames(ctx context.Context) ([]cobra.Completion, error) {
	c, err := s.zun()
	if err != nil {
		return nil, err
	}
	hosts, err := c.ListHosts(ctx, client.Page{Limit: 200})
	var found []cobra.Completion
	for _, h := range hosts {
		found = append(found, cobra.CompletionWithDesc(h.Hostname, fmt.Sprintf("%d cores, %d MiB", h.CPUs, h.MemTotal)))
	}
	return found, err
}

// parseHints reads --hint KEY=VALUE. One that is given several times is a list.
func parseHints(texts []string) (map[string]any, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	hints := map[string]any{}
	for _, text := range texts {
		key, value, found := strings.Cut(text, "=")
		if !found || key == "" || value == "" {
			return nil, usageErrorf("--hint %s: it looks like KEY=VALUE, different_host=web", text)
		}
		switch before := hints[key].(type) {
		case nil:
			hints[key] = value
		case string:
			hints[key] = []string{before, value}
		case []string:
			hints[key] = append(before, value)
		}
	}
	return hints, nil
}

// bindPlacement gives run and create what says on which host the container is to be.
func (s *session) bindPlacement(command *cobra.Command, f *createFlags) {
	flags := command.Flags()
	flags.StringVar(&f.create.AvailabilityZone, "availability-zone", "", "zone that its host is to be in")
	flags.StringVar(&f.create.Host, "host", "", "host that it is to be on (administrators)")
	flags.StringArrayVar(&f.hints, "hint", nil, "same_host=CONTAINER, different_host=CONTAINER or label:KEY=VALUE of the host, repeatable")
	for flag, find := range map[string]func(context.Context) ([]cobra.Completion, error){"availability-zone": s.zoneNames, "host": s.hostNames} {
		complete := s.complete(0, find)
		_ = command.RegisterFlagCompletionFunc(flag, func(command *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return complete(command, nil, typed)
		})
	}
	_ = command.RegisterFlagCompletionFunc("hint", cobra.FixedCompletions([]string{"same_host=", "different_host=", "label:"}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
}
