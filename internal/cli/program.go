package cli

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gozun/gozun/client"
)

// Program is the command line with everything that it touches outside itself.
type Program struct {
	Version string // for --version; "" is "devel"

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time // nil is the real clock
}

// Run executes the command that args say, args[0] being the name that the program was
// called by: "neutron" makes it take the legacy network commands at top level. It
// returns the exit code; `zun help exit-codes` lists them.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	return Program{Stdin: stdin, Stdout: stdout, Stderr: stderr, Getenv: getenv}.Run(ctx, args)
}

// Run is the package's Run on a program of the caller's making.
func (p Program) Run(ctx context.Context, args []string) int {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Version == "" {
		p.Version = "devel"
	}
	if len(args) == 0 {
		args = []string{"zun"}
	}
	s := &session{Program: p, flags: map[string]*string{}, interrupted: ctx.Done()}
	root := s.root(args[0]) //nolint:contextcheck // cobra hands the commands their context
	root.SetArgs(args[1:])
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	command, err := root.ExecuteContextC(ctx)
	return s.report(command, err)
}

// session is one execution: what its global flags said, and what it opened.
type session struct {
	Program

	flags    map[string]*string // global flags by name; values that FromEnvironment reads
	insecure bool
	debug    bool

	interrupted  <-chan struct{} // closed when the user gives up
	inCompletion bool            // a shell asks, and nobody can be asked back

	began  bool // the command line was understood and the command runs
	opened *cloud
	client *client.Client
}

func (s *session) root(calledBy string) *cobra.Command {
	var root *cobra.Command
	if name := strings.TrimSuffix(filepath.Base(calledBy), ".exe"); name == "neutron" {
		root = s.neutronCommand()
		root.AddCommand(s.manCommand())
		root.Args, root.RunE = nil, nil
	} else {
		root = s.zunCommand()
	}
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Version = s.Version
	root.SetVersionTemplate("{{.DisplayName}} {{.Version}}\n")
	root.SetUsageFunc(usage)
	root.DisableSuggestions = true // report makes them, on one line
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentPreRunE = func(command *cobra.Command, _ []string) error {
		if err := command.ValidateFlagGroups(); err != nil { // cobra would only do it after this
			return excludingFlags(err)
		}
		s.began = true
		return nil
	}
	s.globalFlags(root)
	return root
}

// groups of commands, in the order of the help.
const (
	groupContainers = "containers"
	groupNetworks   = "networks"
	groupImages     = "images"
	groupLog        = "log"
	groupAdmin      = "admin"
	groupOther      = "other"
)

func (s *session) zunCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "zun",
		Short: "Run containers on the tenant networks of an OpenStack cloud",
		Long: `zun runs containers on the tenant networks of an OpenStack cloud: each container gets
a Neutron port of its own in your project, with its addresses and security groups.`,
		Example: `  zun network-create foo --subnet 10.2.0.0/24    make a network to run on
  zun run --net foo --name web nginx             run a container on it
  zun list                                       see it, with its address
  zun exec web ip address                        run a command in it
  zun delete --stop web                          stop and remove it`,
	}
	for _, group := range []cobra.Group{
		{ID: groupContainers, Title: "Containers:"},
		{ID: groupNetworks, Title: "Networks:"},
		{ID: groupImages, Title: "Images:"},
		{ID: groupLog, Title: "What was done:"},
		{ID: groupAdmin, Title: "Hosts and quotas:"},
		{ID: groupOther, Title: "Other:"},
	} {
		root.AddGroup(&group)
	}
	add(root, groupContainers, s.runCommand(), s.createCommand(), s.listCommand(), s.showCommand(), s.deleteCommand(),
		s.startCommand(), s.stopCommand(), s.restartCommand(), s.killCommand(), s.logsCommand(), s.execCommand(), s.attachCommand(),
		s.pauseCommand(), s.unpauseCommand(), s.updateCommand(), s.renameCommand(), s.rebuildCommand(), s.topCommand(), s.statsCommand(),
		s.cpCommand(), s.commitCommand())
	add(root, groupNetworks, s.networkCreateCommand(), s.networkListCommand(), s.networkShowCommand(), s.networkDeleteCommand(),
		s.networkAttachCommand(), s.networkDetachCommand(), s.addSecurityGroupCommand(), s.removeSecurityGroupCommand())
	add(root, groupImages, s.pullCommand(), s.imageListCommand(), s.imageShowCommand(), s.imageDeleteCommand(), s.imageSearchCommand(),
		s.registryCreateCommand(), s.registryListCommand(), s.registryShowCommand(), s.registryUpdateCommand(),
		s.registryDeleteCommand())
	add(root, groupLog, s.actionListCommand(), s.actionShowCommand())
	add(root, groupAdmin, s.hostListCommand(), s.hostShowCommand(), s.zoneListCommand(),
		s.serviceListCommand(), s.serviceEnableCommand(), s.serviceDisableCommand(), s.serviceForceDownCommand(), s.serviceDeleteCommand(),
		s.quotaGetCommand(), s.quotaDefaultsCommand(), s.quotaUpdateCommand(), s.quotaDeleteCommand(),
		s.quotaClassGetCommand(), s.quotaClassUpdateCommand())
	add(root, groupOther, s.doctorCommand(), s.versionListCommand(), s.neutronCommand())
	root.AddCommand(helpTopics()...)
	root.AddCommand(s.manCommand())
	root.SetHelpCommandGroupID(groupOther)
	root.SetCompletionCommandGroupID(groupOther)
	return root
}

func add(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, command := range commands {
		command.GroupID = group
		root.AddCommand(command)
	}
}

// onTerminal reports whether a stream is a terminal that a person reads.
func (s *session) onTerminal(stream any) bool {
	file, ok := stream.(interface{ Fd() uintptr })
	return ok && term.IsTerminal(int(file.Fd())) && s.Getenv("TERM") != "dumb"
}

// width returns the columns of a terminal, 80 when they cannot be known.
func width(stream any) int {
	if file, ok := stream.(interface{ Fd() uintptr }); ok {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			return columns
		}
	}
	return 80
}
