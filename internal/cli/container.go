package cli

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

// addresses are a container's, shown in tables as bare IPs and in json in full.
type addresses map[string][]client.Address

// String returns the IPs in a stable order, IPv4 first within a network.
func (a addresses) String() string {
	var ips []string
	for _, network := range slices.Sorted(maps.Keys(a)) {
		onNetwork := slices.Clone(a[network])
		slices.SortStableFunc(onNetwork, func(x, y client.Address) int { return x.Version - y.Version })
		for _, address := range onNetwork {
			ips = append(ips, address.Addr)
		}
	}
	return strings.Join(ips, ", ")
}

// words are a command, shown in tables as one would type it.
type words []string

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=@%+,-]+$`)

// String quotes the words that a shell would take apart.
func (w words) String() string {
	shown := make([]string, len(w))
	for i, word := range w {
		shown[i] = word
		if !plainWord.MatchString(word) {
			shown[i] = client.JoinCommand([]string{word})
		}
	}
	return strings.Join(shown, " ")
}

// listedContainer are python-zunclient's columns for a list, and then the others.
func listedContainer() []column[client.Container] {
	shown := []string{"uuid", "name", "image", "status", "task_state", "addresses", "ports"}
	return ordered(containerFields(), shown)
}

// madeContainer are the fields that matter right after making one.
func madeContainer() []column[client.Container] {
	shown := []string{"uuid", "name", "image", "command", "status", "status_reason", "task_state", "addresses", "cpu", "memory"}
	return ordered(containerFields(), shown)
}

// ordered puts the columns named first and makes the others extra.
func ordered[T any](all []column[T], first []string) []column[T] {
	result := make([]column[T], 0, len(all))
	for _, name := range first {
		i := slices.IndexFunc(all, func(c column[T]) bool { return c.name == name })
		result = append(result, all[i])
	}
	for _, c := range all {
		if !slices.Contains(first, c.name) {
			c.extra = true
			result = append(result, c)
		}
	}
	return result
}

// restartPolicy is nothing when none is set, which the service shows as {}.
func restartPolicy(p *client.RestartPolicy) any {
	if p == nil || p.Name == "" {
		return nil
	}
	return p
}

// healthcheck is nothing when none is set, which the service shows as {}.
func healthcheck(h *client.Healthcheck) any {
	if h == nil || *h == (client.Healthcheck{}) {
		return nil
	}
	return h
}

func containerFields() []column[client.Container] {
	type c = client.Container
	return []column[c]{
		{name: "uuid", get: func(k c) any { return k.UUID }},
		{name: "name", get: func(k c) any { return k.Name }},
		{name: "status", get: func(k c) any { return k.Status }},
		{name: "status_reason", get: func(k c) any { return k.StatusReason }},
		{name: "status_detail", get: func(k c) any { return k.StatusDetail }},
		{name: "task_state", get: func(k c) any { return k.TaskState }},
		{name: "image", get: func(k c) any { return k.Image }},
		{name: "image_driver", get: func(k c) any { return k.ImageDriver }},
		{name: "image_pull_policy", get: func(k c) any { return k.ImagePullPolicy }},
		{name: "command", get: func(k c) any { return words(k.Command) }},
		{name: "entrypoint", get: func(k c) any { return words(k.Entrypoint) }},
		{name: "addresses", get: func(k c) any { return addresses(k.Addresses) }},
		{name: "ports", get: func(k c) any { return k.Ports }},
		{name: "hostname", get: func(k c) any { return k.Hostname }},
		{name: "security_groups", get: func(k c) any { return k.SecurityGroups }},
		{name: "cpu", get: func(k c) any { return k.CPU }},
		{name: "cpu_policy", get: func(k c) any { return k.CPUPolicy }},
		{name: "memory", get: func(k c) any { return k.Memory }},
		{name: "disk", get: func(k c) any { return k.Disk }},
		{name: "environment", get: func(k c) any { return k.Environment }},
		{name: "labels", get: func(k c) any { return k.Labels }},
		{name: "workdir", get: func(k c) any { return k.Workdir }},
		{name: "restart_policy", get: func(k c) any { return restartPolicy(k.RestartPolicy) }},
		{name: "interactive", get: func(k c) any { return k.Interactive }},
		{name: "tty", get: func(k c) any { return k.TTY }},
		{name: "auto_remove", get: func(k c) any { return k.AutoRemove }},
		{name: "auto_heal", get: func(k c) any { return k.AutoHeal }},
		{name: "healthcheck", get: func(k c) any { return healthcheck(k.Healthcheck) }},
		{name: "privileged", get: func(k c) any { return k.Privileged }},
		{name: "runtime", get: func(k c) any { return k.Runtime }},
		{name: "host", get: func(k c) any { return k.Host }},
		{name: "registry_id", get: func(k c) any { return k.RegistryID }},
		{name: "project_id", get: func(k c) any { return k.ProjectID }},
		{name: "user_id", get: func(k c) any { return k.UserID }},
		{name: "created_at", get: func(k c) any { return k.CreatedAt }},
		{name: "updated_at", get: func(k c) any { return k.UpdatedAt }},
	}
}

// pageFlags gives a list command its paging and order.
func pageFlags(command *cobra.Command, page *client.Page) {
	flags := command.Flags()
	flags.IntVar(&page.Limit, "limit", 0, "at most this many (default: all)")
	flags.StringVar(&page.Marker, "marker", "", "begin after the one of this UUID")
	flags.StringVar(&page.SortKey, "sort-key", "", "sort by this field")
	flags.StringVar(&page.SortDir, "sort-dir", "", "asc or desc")
	_ = command.RegisterFlagCompletionFunc("sort-dir", cobra.FixedCompletions([]string{"asc", "desc"}, cobra.ShellCompDirectiveNoFileComp))
}

func checkPage(page client.Page) error {
	if page.Limit < 0 {
		return usageErrorf("--limit %d: it must be positive", page.Limit)
	}
	if page.SortDir != "" && page.SortDir != "asc" && page.SortDir != "desc" {
		return usageErrorf("--sort-dir %s: it is asc or desc", page.SortDir)
	}
	return nil
}

func (s *session) listCommand() *cobra.Command {
	var list client.ContainerList
	var autoRemove string
	command := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls", "ps"},
		Short:   "List containers",
		Example: `  zun list
  zun list --status Running -c name -c addresses
  zun list -f json --sort-key name`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := listFlags(command)
	pageFlags(command, &list.Page)
	flags := command.Flags()
	flags.StringVar(&list.Name, "name", "", "only of this name")
	flags.StringVar(&list.Image, "image", "", "only of this image")
	flags.StringVar(&list.Status, "status", "", "only in this status, Running")
	flags.StringVar(&list.TaskState, "task-state", "", "only in this task state")
	flags.StringVar(&list.Memory, "memory", "", "only with this memory, in MiB")
	flags.StringVar(&list.Host, "host", "", "only on this host (administrators)")
	flags.StringVar(&list.ProjectID, "project-id", "", "only of this project")
	flags.StringVar(&list.UserID, "user-id", "", "only of this user")
	flags.StringVar(&autoRemove, "auto-remove", "", "only those that are (true) or are not (false) removed when they end")
	flags.BoolVar(&list.AllProjects, "all-projects", false, "of every project (administrators)")
	command.PreRunE = func(*cobra.Command, []string) error {
		if autoRemove != "" {
			yes, err := strconv.ParseBool(autoRemove)
			if err != nil {
				return usageErrorf("--auto-remove %s: it is true or false", autoRemove)
			}
			list.AutoRemove = &yes
		}
		return checkPage(list.Page)
	}
	command.RunE = listing(s, out, listedContainer(), func(ctx context.Context, c *client.Client, _ []string) ([]client.Container, error) {
		return c.ListContainers(ctx, list)
	})
	return command
}

func (s *session) showCommand() *cobra.Command {
	var allProjects bool
	command := &cobra.Command{
		Use:   "show CONTAINER",
		Short: "Show a container",
		Example: `  zun show web
  zun show web -f value -c addresses`,
		Args:              exactArgs("CONTAINER"),
		ValidArgsFunction: s.completeContainers(1),
	}
	out := outputFlags(command)
	command.Flags().BoolVar(&allProjects, "all-projects", false, "look in every project (administrators)")
	command.RunE = showing(s, out, containerFields(), func(ctx context.Context, c *client.Client, args []string) (client.Container, error) {
		return c.GetContainer(ctx, args[0], allProjects)
	})
	return command
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
