package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

func (s *session) updateCommand() *cobra.Command {
	var name, memory string
	var cpu float64
	var heal, noHeal bool
	command := &cobra.Command{
		Use:   "update CONTAINER",
		Short: "Change the name, cores or memory of a container",
		Long: `Change the name, cores or memory of a container, or whether it is made again when its
host has lost it. A container that runs goes on running, with its new resources at once.
One that cannot be made again is tried again and again until --no-auto-heal.`,
		Example: `  zun update web --memory 1024 --cpu 2
  zun update web --name shop
  zun update web --no-auto-heal`,
		Args:              exactArgs("CONTAINER"),
		ValidArgsFunction: s.completeContainers(1),
	}
	out := outputFlags(command)
	flags := command.Flags()
	flags.StringVar(&name, "name", "", "new name")
	flags.Float64Var(&cpu, "cpu", 0, "cores, 0.5")
	flags.StringVarP(&memory, "memory", "m", "", "memory in MiB")
	flags.BoolVar(&heal, "auto-heal", false, "make it again when its host has lost it")
	flags.BoolVar(&noHeal, "no-auto-heal", false, "do not")
	command.MarkFlagsMutuallyExclusive("auto-heal", "no-auto-heal")
	changeOf := func() (change client.ContainerChange) {
		set := func(flag string, set func()) {
			if flags.Changed(flag) {
				set()
			}
		}
		set("name", func() { change.Name = &name })
		set("cpu", func() { change.CPU = &cpu })
		set("memory", func() { change.Memory = &memory })
		set("auto-heal", func() { change.AutoHeal = &heal })
		set("no-auto-heal", func() { change.AutoHeal = new(bool); *change.AutoHeal = !noHeal })
		return change
	}
	command.PreRunE = func(*cobra.Command, []string) error {
		if changeOf() == (client.ContainerChange{}) {
			return usageErrorf("update needs something to change: --name, --cpu, --memory, --auto-heal or --no-auto-heal")
		}
		return nil
	}
	command.RunE = showing(s, out, madeContainer(), func(ctx context.Context, c *client.Client, args []string) (client.Container, error) {
		return c.UpdateContainer(ctx, args[0], changeOf())
	})
	return command
}

func (s *session) renameCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "rename CONTAINER NAME",
		Short:             "Give a container another name",
		Long:              "Give a container another name. `zun update --name` does the same, with other changes.",
		Example:           "  zun rename web shop",
		Args:              exactArgs("CONTAINER", "NAME"),
		ValidArgsFunction: s.completeContainers(1),
	}
	command.RunE = func(command *cobra.Command, args []string) error {
		c, err := s.zun()
		if err != nil {
			return err
		}
		if _, err := c.UpdateContainer(command.Context(), args[0], client.ContainerChange{Name: &args[1]}); err != nil {
			return err
		}
		s.say("%s is now named %s", args[0], args[1])
		return nil
	}
	return command
}

func (s *session) pauseCommand() *cobra.Command {
	return s.plainCommand(&cobra.Command{
		Use:     "pause CONTAINER...",
		Short:   "Have the processes of containers stand still",
		Example: "  zun pause web",
	}, ordering{kind: zun.ActionPause, past: "paused", next: "zun unpause %s"}, (*client.Client).PauseContainer)
}

func (s *session) unpauseCommand() *cobra.Command {
	return s.plainCommand(&cobra.Command{
		Use:     "unpause CONTAINER...",
		Short:   "Let the processes of paused containers go on",
		Example: "  zun unpause web",
	}, ordering{kind: zun.ActionUnpause, past: "running again"}, (*client.Client).UnpauseContainer)
}

// plainCommand makes a command of an order that takes nothing but containers.
func (s *session) plainCommand(command *cobra.Command, how ordering, place func(*client.Client, context.Context, string) (string, error)) *cobra.Command {
	w := s.containersCommand(command)
	command.RunE = func(command *cobra.Command, args []string) error {
		how.place = func(ctx context.Context, c *client.Client, ref string) (string, error) { return place(c, ctx, ref) }
		return s.orderAll(command, args, w, how)
	}
	return command
}

func (s *session) rebuildCommand() *cobra.Command {
	var from client.Rebuild
	command := &cobra.Command{
		Use:   "rebuild CONTAINER...",
		Short: "Make containers anew, from another image or the same",
		Long: `Make containers anew, from another image or the same, with the addresses and ports that
they have. What was written inside a container is lost, its files of --mount are kept, and
one that runs is started again. If the image cannot be had nothing changes.`,
		Example: `  zun rebuild web --image nginx:1.29
  zun rebuild web db`,
	}
	w := s.containersCommand(command)
	flags := command.Flags()
	flags.StringVar(&from.Image, "image", "", "new image (default: the one that it has)")
	flags.StringVar(&from.ImageDriver, "image-driver", "", "where the image is from: docker or glance (default: as before)")
	_ = command.RegisterFlagCompletionFunc("image", cobra.NoFileCompletions)
	_ = command.RegisterFlagCompletionFunc("image-driver", cobra.FixedCompletions([]string{"docker", "glance"}, cobra.ShellCompDirectiveNoFileComp))
	command.RunE = func(command *cobra.Command, args []string) error {
		return s.orderAll(command, args, w, ordering{
			kind: zun.ActionRebuild, past: "rebuilt", next: "zun logs %s",
			place: func(ctx context.Context, c *client.Client, ref string) (string, error) {
				return c.RebuildContainer(ctx, ref, from)
			},
		})
	}
	return command
}
