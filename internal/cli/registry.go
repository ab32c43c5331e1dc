package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

func registryFields() []column[client.Registry] {
	type r = client.Registry
	return []column[r]{
		{name: "uuid", get: func(k r) any { return k.UUID }},
		{name: "name", get: func(k r) any { return k.Name }},
		{name: "domain", get: func(k r) any { return k.Domain }},
		{name: "username", get: func(k r) any { return k.Username }},
		{name: "project_id", get: func(k r) any { return k.ProjectID }},
		{name: "user_id", get: func(k r) any { return k.UserID }},
	}
}

func listedRegistry() []column[client.Registry] {
	return ordered(registryFields(), []string{"uuid", "name", "domain", "username"})
}

// password is how a command takes one.
type password struct {
	text      string
	fromStdin bool
}

func passwordFlags(command *cobra.Command) *password {
	p := &password{}
	flags := command.Flags()
	flags.StringVar(&p.text, "password", "", "password there (asked for on a terminal when --username is given without)")
	flags.BoolVar(&p.fromStdin, "password-stdin", false, "read the password from standard input")
	command.MarkFlagsMutuallyExclusive("password", "password-stdin")
	return p
}

// read returns the password, whether one was given at all, or why it cannot be had. On a
// terminal it is asked for if ask says so.
func (s *session) read(command *cobra.Command, p *password, ask bool, prompt string) (text string, given bool, err error) {
	switch {
	case p.fromStdin:
		line, err := bufio.NewReader(s.Stdin).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", false, usageErrorf("--password-stdin: cannot read standard input: %v", err)
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", false, usageErrorf("--password-stdin: standard input is empty")
		}
		return line, true, nil
	case command.Flags().Changed("password"):
		return p.text, true, nil
	case ask:
		text = s.askSecret(prompt)
		return text, text != "", nil
	}
	return "", false, nil
}

func (s *session) registryCreateCommand() *cobra.Command {
	var create client.RegistryCreate
	command := &cobra.Command{
		Use:   "registry-create --domain DOMAIN",
		Short: "Record an image registry, and who to be there",
		Long: `Record an image registry, and who to be there, for containers whose images are private:
zun run --registry NAME IMAGE pulls DOMAIN/IMAGE with these credentials. The service keeps
the password encrypted and never shows it. Whether it is right is found out by the first
pull.`,
		Example: `  zun registry-create --name team --domain registry.example.org:5000 --username me
  zun registry-create --name team --domain registry.example.org --username me --password-stdin < token
  zun run --registry team app:1.2`,
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := outputFlags(command)
	flags := command.Flags()
	flags.StringVar(&create.Domain, "domain", "", "its host, with a port and a path if need be, registry.example.org:5000")
	flags.StringVar(&create.Name, "name", "", "a name to call it by")
	flags.StringVar(&create.Username, "username", "", "user there (default: nobody, pulls are anonymous)")
	secret := passwordFlags(command)
	command.PreRunE = func(*cobra.Command, []string) error {
		if create.Domain == "" {
			return usageErrorf("say which registry: --domain registry.example.org:5000")
		}
		return nil
	}
	command.RunE = showing(s, out, registryFields(), func(ctx context.Context, c *client.Client, _ []string) (client.Registry, error) {
		var err error
		if create.Password, _, err = s.read(command, secret, create.Username != "", "Password of "+create.Username+" at "+create.Domain+": "); err != nil {
			return client.Registry{}, err
		}
		made, err := c.CreateRegistry(ctx, create)
		if err == nil {
			s.next("zun run --registry %s IMAGE", either(made.Name, made.UUID))
		}
		return made, err
	})
	return command
}

func (s *session) registryListCommand() *cobra.Command {
	var list client.RegistryList
	command := &cobra.Command{
		Use:               "registry-list",
		Short:             "List image registries",
		Example:           "  zun registry-list\n  zun registry-list --domain registry.example.org -f value -c name",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := listFlags(command)
	pageFlags(command, &list.Page)
	flags := command.Flags()
	flags.StringVar(&list.Name, "name", "", "only of this name")
	flags.StringVar(&list.Domain, "domain", "", "only of this domain")
	flags.StringVar(&list.Username, "username", "", "only with this user there")
	flags.StringVar(&list.ProjectID, "project-id", "", "only of this project")
	flags.StringVar(&list.UserID, "user-id", "", "only of this user")
	flags.BoolVar(&list.AllProjects, "all-projects", false, "of every project (administrators)")
	command.PreRunE = func(*cobra.Command, []string) error { return checkPage(list.Page) }
	command.RunE = listing(s, out, listedRegistry(), func(ctx context.Context, c *client.Client, _ []string) ([]client.Registry, error) {
		return c.ListRegistries(ctx, list)
	})
	return command
}

func (s *session) registryShowCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "registry-show REGISTRY",
		Short:             "Show an image registry",
		Example:           "  zun registry-show team",
		Args:              exactArgs("REGISTRY"),
		ValidArgsFunction: s.completeRegistries(1),
	}
	out := outputFlags(command)
	command.RunE = showing(s, out, registryFields(), func(ctx context.Context, c *client.Client, args []string) (client.Registry, error) {
		return c.GetRegistry(ctx, args[0])
	})
	return command
}

func (s *session) registryUpdateCommand() *cobra.Command {
	var name, domain, username string
	command := &cobra.Command{
		Use:   "registry-update REGISTRY",
		Short: "Change an image registry",
		Long: `Change an image registry. What is not named stays as it is; an empty name, username or
password is taken away. Containers that are there use the new credentials from the next
pull on.`,
		Example: `  zun registry-update team --username you --password-stdin < token
  zun registry-update team --username "" --password ""    pull as nobody`,
		Args:              exactArgs("REGISTRY"),
		ValidArgsFunction: s.completeRegistries(1),
	}
	out := outputFlags(command)
	flags := command.Flags()
	flags.StringVar(&name, "name", "", "its new name")
	flags.StringVar(&domain, "domain", "", "its new host")
	flags.StringVar(&username, "username", "", "the new user there")
	secret := passwordFlags(command)
	command.RunE = showing(s, out, registryFields(), func(ctx context.Context, c *client.Client, args []string) (client.Registry, error) {
		said := func(flag string, value *string) *string {
			if !flags.Changed(flag) {
				return nil
			}
			return value
		}
		update := client.RegistryUpdate{Name: said("name", &name), Domain: said("domain", &domain), Username: said("username", &username)}
		text, given, err := s.read(command, secret, username != "", "Password of "+username+" (empty: as it is): ")
		if err != nil {
			return client.Registry{}, err
		}
		if given {
			update.Password = &text
		}
		if update == (client.RegistryUpdate{}) {
			return client.Registry{}, usageErrorf("say what to change: --name, --domain, --username, --password")
		}
		return c.UpdateRegistry(ctx, args[0], update)
	})
	return command
}

func (s *session) registryDeleteCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "registry-delete REGISTRY...",
		Short:             "Delete image registries that no container's image is from",
		Example:           "  zun registry-delete team",
		Args:              leastArgs("REGISTRY"),
		ValidArgsFunction: s.completeRegistries(0),
	}
	command.RunE = s.each("REGISTRY", "deleted: registry %s", func(ctx context.Context, c *client.Client, ref string) error {
		return c.DeleteRegistry(ctx, ref)
	})
	return command
}

// completeRegistries completes up to most registries (0: any number), each once.
func (s *session) completeRegistries(most int) completer {
	return s.complete(most, s.registryNames)
}

func (s *session) registryNames(ctx context.Context) ([]cobra.Completion, error) {
	c, err := s.zun()
	if err != nil {
		return nil, err
	}
	registries, err := c.ListRegistries(ctx, client.RegistryList{Page: client.Page{Limit: 200}})
	var found []cobra.Completion
	for _, r := range registries {
		found = append(found, cobra.CompletionWithDesc(either(r.Name, r.UUID), r.Domain))
	}
	return found, err
}

// bindRegistryCompletion completes the flag --registry.
func (s *session) bindRegistryCompletion(command *cobra.Command) {
	complete := s.complete(0, s.registryNames)
	_ = command.RegisterFlagCompletionFunc("registry", func(command *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return complete(command, nil, typed)
	})
}

// each does one thing to each of several: all are tried, and what was wrong is told at the
// end. done is the sentence for one that went well.
func (s *session) each(what, done string, do func(ctx context.Context, c *client.Client, ref string) error) runE {
	return func(command *cobra.Command, args []string) error {
		c, err := s.zun()
		if err != nil {
			return err
		}
		var failures []error
		for _, ref := range args {
			if ref == "" {
				failures = append(failures, usageErrorf("a %s is empty", what))
				continue
			}
			if err := do(command.Context(), c, ref); err != nil {
				failures = append(failures, err)
				continue
			}
			s.say(done, ref)
		}
		return severally(failures)
	}
}
