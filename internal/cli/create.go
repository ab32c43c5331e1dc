package cli

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// createFlags are what run and create take, as text.
type createFlags struct {
	create client.ContainerCreate

	options optionFlags

	nets, environment, labels, groups, hints []string

	cpu, memory, entrypoint, restart string
	disk                             int
}

const createDetails = `Flags stand before IMAGE; everything after it is the container's command.

--net takes the name of one of your networks, or network=NAME or port=PORT with
v4-fixed-ip=ADDRESS and v6-fixed-ip=ADDRESS after commas. It may be repeated; the first
network is the primary one. Without it the service's default network is used.

` + optionDetails

func (s *session) runCommand() *cobra.Command {
	return s.makingCommand(true, &cobra.Command{
		Use:   "run [flags] IMAGE [COMMAND...]",
		Short: "Make a container and start it",
		Long:  "Make a container and start it.\n\n" + createDetails + "\n\n" + runDetails,
		Example: `  zun run --net foo nginx
  zun run -i --net foo --auto-remove busybox
  zun run --name web --net foo --memory 256 --restart on-failure:3 nginx
  zun run --net network=foo,v4-fixed-ip=10.2.0.10 busybox sh -c 'while :; do date; sleep 1; done'
  zun run --net port=my-port nginx
  zun run --net foo --expose-port 80 --healthcheck 'cmd=wget -q -O- localhost,interval=30s' nginx
  zun run --net foo --mount type=bind,source=site.conf,destination=/etc/nginx/conf.d/site.conf nginx`,
	})
}

func (s *session) createCommand() *cobra.Command {
	return s.makingCommand(false, &cobra.Command{
		Use:   "create [flags] IMAGE [COMMAND...]",
		Short: "Make a container without starting it",
		Long:  "Make a container without starting it.\n\n" + createDetails,
		Example: `  zun create --net foo --name web nginx
  zun start web`,
	})
}

func (s *session) makingCommand(run bool, command *cobra.Command) *cobra.Command {
	f := &createFlags{}
	f.create.Run = run
	command.Args = leastArgs("IMAGE")
	command.ValidArgsFunction = cobra.NoFileCompletions
	out := outputFlags(command)
	f.bind(command)
	s.bindNetCompletion(command, "net")
	s.bindPlacement(command, f)
	s.bindRegistryCompletion(command)
	wait := waitFlags(command)
	if run {
		detachFlag(command)
	}
	command.Flags().SetInterspersed(false)
	command.RunE = func(command *cobra.Command, args []string) error {
		if err := firstError(out.check(), f.finish(args)); err != nil {
			return err
		}
		if _, err := choose(out, madeContainer(), true); err != nil {
			return err
		}
		if run && f.create.Interactive && !wait.noWait {
			return s.runAttached(command, f.create, wait)
		}
		return s.make(command.Context(), f.create, wait, out)
	}
	return command
}

func (f *createFlags) bind(command *cobra.Command) {
	flags := command.Flags()
	c := &f.create
	flags.StringVarP(&c.Name, "name", "n", "", "its name (default: made up)")
	flags.StringArrayVar(&f.nets, "net", nil, "a network or port to be on, repeatable")
	flags.StringArrayVarP(&f.environment, "environment", "e", nil, "environment variable, NAME=VALUE, repeatable")
	flags.StringVarP(&f.memory, "memory", "m", "", "memory, in MiB, or with k, m or g after it")
	flags.StringVar(&f.cpu, "cpu", "", "cores, 0.5")
	flags.IntVar(&f.disk, "disk", 0, "limit of its disk, in GiB, where the host can give one (default: the service's)")
	flags.StringVar(&c.Workdir, "workdir", "", "working directory of the command")
	flags.StringVar(&c.Hostname, "hostname", "", "host name inside")
	flags.StringArrayVar(&f.labels, "label", nil, "label, NAME=VALUE, repeatable")
	flags.StringArrayVar(&f.groups, "security-group", nil, "security group, name or UUID, repeatable")
	flags.StringVar(&f.restart, "restart", "", "restart policy: no, always, unless-stopped, on-failure[:RETRIES]")
	flags.BoolVar(&c.AutoRemove, "auto-remove", false, "remove it when its process ends")
	flags.StringVar(&f.entrypoint, "entrypoint", "", "program to run instead of the image's, words quoted as in a shell")
	flags.StringVar(&c.ImagePullPolicy, "image-pull-policy", "", "always, ifnotpresent or never")
	flags.StringVar(&c.ImageDriver, "image-driver", "", "where the image comes from: docker")
	flags.StringVar(&c.Registry, "registry", "", "registry that the image comes from, name or UUID (see registry-create)")
	flags.BoolVarP(&c.Interactive, "interactive", "i", false, interactivePurpose(c.Run))
	flags.BoolVarP(&c.TTY, "tty", "t", false, "give it a terminal")
	f.options.bind(command, c)
	command.MarkFlagsMutuallyExclusive("auto-remove", "restart")
	_ = command.RegisterFlagCompletionFunc("image-pull-policy", cobra.FixedCompletions([]string{"always", "ifnotpresent", "never"}, cobra.ShellCompDirectiveNoFileComp))
	_ = command.RegisterFlagCompletionFunc("restart", cobra.FixedCompletions([]string{"no", "always", "unless-stopped", "on-failure"}, cobra.ShellCompDirectiveNoFileComp))
}

// finish reads the text of the flags into the request.
func (f *createFlags) finish(args []string) error {
	c := &f.create
	c.Image, c.Command = args[0], args[1:]
	var err error
	if c.Nets, err = parseNets(f.nets); err != nil {
		return err
	}
	if c.Environment, err = pairs("-e", f.environment); err != nil {
		return err
	}
	if c.Labels, err = pairs("--label", f.labels); err != nil {
		return err
	}
	if c.Memory, err = parseMemory(f.memory); err != nil {
		return err
	}
	if c.RestartPolicy, err = parseRestart(f.restart); err != nil {
		return err
	}
	if c.Entrypoint, err = splitWords(f.entrypoint); err != nil {
		return err
	}
	if c.Hints, err = parseHints(f.hints); err != nil {
		return err
	}
	c.SecurityGroups = f.groups
	if f.disk < 0 {
		return usageErrorf("--disk %d: it is a number of GiB", f.disk)
	}
	if f.disk != 0 {
		c.Disk = &f.disk
	}
	return firstError(f.options.finish(c), f.finishCPU())
}

func (f *createFlags) finishCPU() error {
	if f.cpu == "" {
		return nil
	}
	cores, err := strconv.ParseFloat(f.cpu, 64)
	if err != nil || !(cores > 0) || math.IsInf(cores, 0) {
		return usageErrorf("--cpu %s: it is a number of cores, like 0.5", f.cpu)
	}
	f.create.CPU = &cores
	return nil
}

func parseNets(texts []string) ([]client.Net, error) {
	var nets []client.Net
	for _, text := range texts {
		net, err := parseNet(text)
		if err != nil {
			return nil, err
		}
		nets = append(nets, net)
	}
	return nets, nil
}

// parseNet reads NAME or key=value pairs between commas, the first of which may be a
// bare NAME too.
func parseNet(text string) (client.Net, error) {
	var net client.Net
	fields := map[string]*string{"network": &net.Network, "port": &net.Port, "v4-fixed-ip": &net.IPv4, "v6-fixed-ip": &net.IPv6}
	for i, part := range strings.Split(text, ",") {
		key, value, found := strings.Cut(part, "=")
		if !found && i == 0 {
			key, value = "network", part
		}
		field := fields[key]
		switch {
		case field == nil:
			return net, usageErrorf("--net %s: %q is not one of network=, port=, v4-fixed-ip= and v6-fixed-ip=", text, part)
		case value == "":
			return net, usageErrorf("--net %s: %s is empty", text, key)
		case *field != "":
			return net, usageErrorf("--net %s: %s is given twice", text, key)
		}
		*field = value
	}
	return net, checkNet(text, net)
}

func checkNet(text string, net client.Net) error {
	switch {
	case net.Network != "" && net.Port != "":
		return usageErrorf("--net %s: give a network or a port, not both", text)
	case net.Network == "" && net.Port == "":
		return usageErrorf("--net %s: it names neither a network nor a port", text)
	case net.IPv4 != "" && !isIP(net.IPv4, netip.Addr.Is4):
		return usageErrorf("--net %s: %q is not an IPv4 address", text, net.IPv4)
	case net.IPv6 != "" && !isIP(net.IPv6, netip.Addr.Is6):
		return usageErrorf("--net %s: %q is not an IPv6 address", text, net.IPv6)
	}
	return nil
}

func isIP(text string, family func(netip.Addr) bool) bool {
	ip, err := netip.ParseAddr(text)
	return err == nil && family(ip)
}

func pairs(flag string, texts []string) (map[string]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	result := map[string]string{}
	for _, text := range texts {
		key, value, found := strings.Cut(text, "=")
		if !found || key == "" {
			return nil, usageErrorf("%s %s: it looks like NAME=VALUE", flag, text)
		}
		result[key] = value
	}
	return result, nil
}

// parseMemory returns MiB as digits, which is what the API takes.
func parseMemory(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	digits, kib := strings.ToLower(text), int64(1024)
	for suffix, size := range map[string]int64{"k": 1, "m": 1024, "g": 1024 * 1024} {
		if trimmed, ok := strings.CutSuffix(digits, suffix); ok {
			digits, kib = trimmed, size
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n <= 0 || n*kib%1024 != 0 {
		return "", usageErrorf("--memory %s: it is a whole number of MiB, like 256, 256m or 1g", text)
	}
	return strconv.FormatInt(n*kib/1024, 10), nil
}

func parseRestart(text string) (*client.RestartPolicy, error) {
	if text == "" {
		return nil, nil
	}
	name, count, counted := strings.Cut(text, ":")
	switch name {
	case "no", "always", "unless-stopped":
		if counted {
			return nil, usageErrorf("--restart %s: only on-failure takes a number", text)
		}
	case "on-failure":
		if _, err := strconv.ParseUint(count, 10, 31); counted && err != nil {
			return nil, usageErrorf("--restart %s: the retries are a number", text)
		}
	default:
		return nil, usageErrorf("--restart %s: it is no, always, unless-stopped or on-failure[:RETRIES]", text)
	}
	return &client.RestartPolicy{Name: name, MaximumRetryCount: count}, nil
}

// make asks for the container and, where wanted, waits until it is there.
func (s *session) make(ctx context.Context, create client.ContainerCreate, wait *waiting, out *output) error {
	c, err := s.zun()
	if err != nil {
		return err
	}
	made, request, err := c.CreateContainer(ctx, create)
	if err != nil {
		return err
	}
	verb := "create"
	if create.Run {
		verb = "run"
	}
	ended := s.placed(made)
	if ended == nil && s.waits(wait) {
		ended = s.await(ctx, c, order{kind: zun.ActionCreate, verb: verb, ref: made.UUID, name: made.Name, request: request, brief: create.AutoRemove}, wait)
		made = asItIs(context.WithoutCancel(ctx), c, made)
	}
	if err := writeShow(s.Stdout, out, madeContainer(), made); err != nil {
		return err
	}
	if ended != nil {
		return ended
	}
	s.tellMade(made)
	return nil
}

// asItIs returns a container as it is after the wait; it may be gone already.
func asItIs(ctx context.Context, c *client.Client, made client.Container) client.Container {
	fresh, err := c.GetContainer(ctx, made.UUID, false)
	switch {
	case err == nil:
		return fresh
	case zun.IsNotFound(err):
		made.Status, made.TaskState = zun.StatusDeleted, ""
	}
	return made
}

// placed finds a container that was given up within the request, as for want of a host.
func (s *session) placed(made client.Container) error {
	if made.Status != zun.StatusError {
		return nil
	}
	return endedError{fmt.Errorf("container %s is in Error: %s", made.Name, either(made.StatusReason, "no reason was given"))}
}

func (s *session) tellMade(made client.Container) {
	at := ""
	if ips := addresses(made.Addresses).String(); ips != "" {
		at = " at " + ips
	}
	switch made.Status {
	case zun.StatusRunning:
		s.done("%s is running%s", made.Name, at)
		s.next("zun logs %s   zun exec %s COMMAND   zun delete --stop %s", made.Name, made.Name, made.Name)
	case zun.StatusCreated:
		s.done("%s is created%s", made.Name, at)
		s.next("zun start %s", made.Name)
	case zun.StatusDeleted:
		s.done("%s has run, and is removed", made.Name)
	case zun.StatusCreating:
		s.next("zun show %s   zun action-list %s", made.Name, made.Name)
	default:
		s.done("%s is %s", made.Name, made.Status)
		s.next("zun logs %s   zun show %s", made.Name, made.Name)
	}
}
