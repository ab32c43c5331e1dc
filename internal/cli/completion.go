package cli

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

// completionTime bounds what a press of the Tab key may cost.
const completionTime = 2 * time.Second

// completer completes an argument; cobra's shape for it.
type completer = func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective)

// completing reports whether a shell asks for completions, when nobody can be asked.
func (s *session) completing() bool { return s.inCompletion }

// completeContainers completes up to most containers (0: any number), each once.
func (s *session) completeContainers(most int) completer {
	return s.complete(most, func(ctx context.Context) ([]cobra.Completion, error) {
		c, err := s.zun()
		if err != nil {
			return nil, err
		}
		containers, err := c.ListContainers(ctx, client.ContainerList{Page: client.Page{Limit: 200}})
		var found []cobra.Completion
		for _, k := range containers {
			found = append(found, cobra.CompletionWithDesc(either(k.Name, k.UUID), string(k.Status)+" "+k.Image))
		}
		return found, err
	})
}

// completeNetworks completes up to most networks (0: any number), each once.
func (s *session) completeNetworks(most int) completer {
	return s.complete(most, s.networkNames)
}

func (s *session) networkNames(ctx context.Context) ([]cobra.Completion, error) {
	c, err := s.zun()
	if err != nil {
		return nil, err
	}
	networks, err := c.ListNetworks(ctx, client.NetworkList{Page: client.Page{Limit: 200}})
	var found []cobra.Completion
	for _, k := range networks {
		found = append(found, cobra.CompletionWithDesc(k.Name, cidrs(k.Subnets).String()))
	}
	return found, err
}

func (s *session) bindNetCompletion(command *cobra.Command, flag string) {
	complete := s.complete(0, s.networkNames)
	_ = command.RegisterFlagCompletionFunc(flag, func(command *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return complete(command, nil, typed)
	})
}

// completeRecords completes up to most of Neutron's resources (0: any number), each once.
func (s *session) completeRecords(k kind, most int) completer {
	return s.complete(most, func(ctx context.Context) ([]cobra.Completion, error) {
		c, err := s.neutron()
		if err != nil {
			return nil, err
		}
		records, err := c.FindRecords(ctx, k.plural, url.Values{"fields": {"id", "name"}})
		var found []cobra.Completion
		for _, record := range records {
			name, _ := record["name"].(string)
			found = append(found, either(name, fmt.Sprint(record["id"])))
		}
		return found, err
	})
}

// complete asks a service, and says nothing when that fails: a person in the middle of a
// line wants no error there.
func (s *session) complete(most int, find func(context.Context) ([]cobra.Completion, error)) completer {
	return func(command *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		s.inCompletion = true
		ctx, stop := context.WithTimeout(command.Context(), completionTime)
		defer stop()
		found, err := find(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return slices.DeleteFunc(found, func(one cobra.Completion) bool {
			name, _, _ := strings.Cut(one, "\t")
			return !strings.HasPrefix(name, typed) || slices.Contains(args, name)
		}), cobra.ShellCompDirectiveNoFileComp
	}
}
