package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

const detachHelp = `At a terminal every key goes to the container, Ctrl-C too. ~. at the beginning of a line
detaches (~~ is one ~); --detach-keys chooses other keys.`

func (s *session) attachCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "attach CONTAINER",
		Short: "Connect this terminal with a container's main process",
		Long: `Connect this terminal with the main process of a running container that was made with
--interactive: see what it writes from now on, and type to it. Several may be attached at
once. Detaching leaves the process as it is; when it ends, its exit code is this command's.

` + detachHelp,
		Example: `  zun attach web
  zun attach --logs web                    with what it wrote before
  zun attach --detach-keys ctrl-p,ctrl-q web`,
		Args:              exactArgs("CONTAINER"),
		ValidArgsFunction: s.completeContainers(1),
	}
	var options client.AttachOptions
	command.Flags().BoolVar(&options.Logs, "logs", false, "begin with what it wrote until now")
	keys := detachFlag(command)
	command.RunE = func(command *cobra.Command, args []string) error {
		sequence, err := parseKeys(*keys)
		if err != nil {
			return err
		}
		c, err := s.zun()
		if err != nil {
			return err
		}
		ctx := command.Context()
		container, err := c.GetContainer(ctx, args[0], false) // without a terminal there our own stays as it is
		if err != nil {
			return err
		}
		console, err := c.Attach(ctx, container.UUID, options)
		if err != nil {
			return err
		}
		return s.converse(ctx, console, conversation{what: args[0], goesOn: true, tty: container.TTY, keys: sequence})
	}
	return command
}

func detachFlag(command *cobra.Command) *string {
	return command.Flags().String("detach-keys", "~.", `keys that detach, as "~." or ctrl-p,ctrl-q; none for none`)
}

// execFlags are what exec takes beyond its command.
type execFlags struct {
	interactive, tty bool
	keys             *string
}

// streams decides what streams the command has: with -i a terminal too, unless something
// else was said, where both ends of ours are one.
func (f *execFlags) streams(s *session, command *cobra.Command) client.ExecOptions {
	options := client.ExecOptions{Stdin: f.interactive, TTY: f.tty}
	if !command.Flags().Changed("tty") {
		options.TTY = f.interactive && isTerminal(s.Stdin) && isTerminal(s.Stdout)
	}
	return options
}

// execInteractively runs a command with its streams connected to ours.
func (s *session) execInteractively(command *cobra.Command, ref string, words []string, f *execFlags) error {
	keys, err := parseKeys(*f.keys)
	if err != nil {
		return err
	}
	c, err := s.zun()
	if err != nil {
		return err
	}
	ctx, options := command.Context(), f.streams(s, command)
	if version, err := c.Version(ctx); err == nil && !version.AtLeast(client.Consoles) {
		options.Stdin, options.TTY = true, true // an upstream Zun has nothing else
	}
	console, err := c.Exec(ctx, ref, words, options)
	if err != nil {
		return err
	}
	return s.converse(ctx, console, conversation{what: ref, tty: options.TTY, deaf: !options.Stdin, keys: keys})
}

// conversation says how our streams and a console are connected.
type conversation struct {
	what   string // the container, for messages
	tty    bool   // the process may have a terminal
	deaf   bool   // it has no input
	goesOn bool   // it goes on when we leave
	keys   []byte // that detach
}

// converse passes bytes both ways until the process ends, or the user detaches or gives up.
// The error is an exitCodeError when the process ended with another code than 0.
func (s *session) converse(ctx context.Context, console *client.Console, how conversation) (err error) {
	t := &talk{session: s, conversation: how, console: console}
	stop := context.AfterFunc(ctx, func() { _ = console.Close() })
	defer stop()
	defer console.Close() //nolint:errcheck // it has ended, or is given up
	restore, err := t.takeTerminal(ctx)
	if err != nil {
		return err
	}
	defer restore()
	if !how.deaf {
		go t.listen() //nolint:contextcheck // the console, which ends with ctx, ends it
	}
	_, err = io.Copy(s.Stdout, console)
	restore()
	if cause := t.failed(); cause != nil {
		panic(cause) //nolint:forbidigo // of the goroutine that listens, now that the terminal is as it was
	}
	return t.outcome(ctx, err)
}

// outcome says how a conversation ended whose output ended with err.
func (t *talk) outcome(ctx context.Context, err error) error {
	switch {
	case t.left():
		if t.goesOn {
			t.note("detached; %s goes on", t.what)
			t.next("zun attach %s", t.what)
		} else {
			t.note("detached; what runs in %s may go on", t.what)
		}
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case t.hungUp.Load():
		return context.Canceled
	case err != nil:
		return err
	}
	if code, known := t.console.ExitCode(); known && code != 0 {
		return exitCodeError(code)
	}
	return nil
}

const runDetails = `With -i your terminal is connected with the container as soon as it runs, and what it wrote
until then comes first; it then has a terminal, too, unless --tty=false says otherwise. With
--no-wait it only keeps its input open, for zun attach. ` + detachHelp

func interactivePurpose(run bool) string {
	if run {
		return "keep its standard input open, and connect this terminal with it"
	}
	return "keep its standard input open, for zun attach"
}

// runAttached makes a container, waits until it runs and connects with it.
func (s *session) runAttached(command *cobra.Command, create client.ContainerCreate, wait *waiting) error {
	keys, err := parseKeys(command.Flag("detach-keys").Value.String())
	if err != nil {
		return err
	}
	if !command.Flags().Changed("tty") {
		create.TTY = isTerminal(s.Stdin) && isTerminal(s.Stdout)
	}
	c, err := s.zun()
	if err != nil {
		return err
	}
	ctx := command.Context()
	made, request, err := c.CreateContainer(ctx, create)
	if err == nil {
		err = s.placed(made)
	}
	if err == nil {
		err = s.await(ctx, c, order{kind: zun.ActionCreate, verb: "run", ref: made.UUID, name: made.Name, request: request, brief: create.AutoRemove}, wait)
	}
	if err != nil {
		return err
	}
	return s.attachNew(ctx, c, asItIs(ctx, c, made), keys)
}

// attachNew connects with a container that was just made to run. One that has ended already
// is shown as if we had been there.
func (s *session) attachNew(ctx context.Context, c *client.Client, made client.Container, keys []byte) error {
	console, err := c.Attach(ctx, made.UUID, client.AttachOptions{Logs: true})
	if zun.CodeOf(err) == zun.CodeInvalidState || zun.CodeOf(err) == zun.CodeConflict {
		if ended, again := s.tooLate(ctx, c, made); ended {
			return again
		}
	}
	if zun.IsNotFound(err) && made.AutoRemove {
		s.done("%s has run, and is removed", made.Name)
		return nil
	}
	if err != nil {
		return err
	}
	return s.converse(ctx, console, conversation{what: made.Name, goesOn: true, tty: made.TTY, keys: keys})
}

// tooLate shows what a container wrote that has ended, and how it did; false if it has not.
func (s *session) tooLate(ctx context.Context, c *client.Client, made client.Container) (bool, error) {
	now, err := c.GetContainer(ctx, made.UUID, false)
	if err != nil || now.Status != zun.StatusStopped {
		return false, nil //nolint:nilerr // then the first failure is the one to tell
	}
	text, err := c.Logs(ctx, made.UUID, client.LogsOptions{})
	if err != nil {
		return true, err
	}
	if _, err := io.WriteString(s.Stdout, text); err != nil {
		return true, err
	}
	var code int
	if n, _ := fmt.Sscanf(now.StatusDetail, "Exited(%d)", &code); n == 1 && code != 0 {
		return true, exitCodeError(code)
	}
	return true, nil
}

// isTerminal reports whether a stream is a terminal, dumb or not.
func isTerminal(stream any) bool {
	file, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(file.Fd()))
}

// sizeOf returns the size of a terminal.
func sizeOf(stream any) (width, height int, ok bool) {
	file, is := stream.(interface{ Fd() uintptr })
	if !is {
		return 0, 0, false
	}
	width, height, err := term.GetSize(int(file.Fd()))
	return width, height, err == nil && width > 0 && height > 0
}

// errDetached says that the user typed the keys that detach.
var errDetached = errors.New("detached")
