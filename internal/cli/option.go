package cli

import (
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
)

// optionFlags are the options of a new container that need reading, as text.
type optionFlags struct {
	ports, mounts []string
	healthcheck   string
}

const optionDetails = `--mount type=bind,source=FILE,destination=PATH puts a file of yours into the container.
The service keeps what is in it secret, and the container may write to its copy.

--healthcheck cmd=COMMAND,interval=30s,timeout=5s,retries=3 runs COMMAND in the container's
shell again and again; zun show then says (healthy) or (unhealthy). What is left out is the
image's, or else Docker's.

--expose-port PORT[/tcp|/udp] lets everybody reach a port, through a security group that is
made for the container and removed with it.`

func (f *optionFlags) bind(command *cobra.Command, c *client.ContainerCreate) {
	flags := command.Flags()
	flags.StringArrayVarP(&f.ports, "expose-port", "p", nil, "port that everybody may reach, PORT[/tcp|/udp], repeatable")
	flags.StringArrayVar(&f.mounts, "mount", nil, "type=bind,source=FILE,destination=PATH, repeatable")
	flags.StringVar(&f.healthcheck, "healthcheck", "", "cmd=COMMAND,interval=TIME,timeout=TIME,retries=NUMBER")
	flags.StringVar(&c.Runtime, "runtime", "", "Docker runtime to use, for administrators")
	flags.BoolVar(&c.Privileged, "privileged", false, "give it all of the host, where policy allows")
	flags.BoolVar(&c.AutoHeal, "auto-heal", false, "make it again when Docker has lost it")
	command.MarkFlagsMutuallyExclusive("security-group", "expose-port")
	_ = command.RegisterFlagCompletionFunc("healthcheck", cobra.FixedCompletions([]string{"cmd="}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
	_ = command.RegisterFlagCompletionFunc("mount", cobra.FixedCompletions([]string{"type=bind,source="}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace))
}

// finish reads the text of the flags, and the files that they name, into the request.
func (f *optionFlags) finish(c *client.ContainerCreate) error {
	var err error
	if c.ExposedPorts, err = parsePorts(f.ports); err != nil {
		return err
	}
	if c.Healthcheck, err = parseHealthcheck(f.healthcheck); err != nil {
		return err
	}
	for _, text := range f.mounts {
		mount, err := parseMount(text)
		if err != nil {
			return err
		}
		c.Mounts = append(c.Mounts, mount)
	}
	return nil
}

func parsePorts(texts []string) (map[string]struct{}, error) {
	var ports map[string]struct{}
	for _, text := range texts {
		number, protocol, named := strings.Cut(text, "/")
		port, err := strconv.ParseUint(number, 10, 16)
		if err != nil || port == 0 || named && protocol != "tcp" && protocol != "udp" {
			return nil, usageErrorf("--expose-port %s: it looks like 80, 80/tcp or 53/udp", text)
		}
		if ports == nil {
			ports = map[string]struct{}{}
		}
		ports[text] = struct{}{}
	}
	return ports, nil
}

// healthFields finds where the parts of a health check begin: a command may have commas.
var healthFields = regexp.MustCompile(`(?:^|,)\s*(cmd|interval|timeout|retries)\s*=`)

func parseHealthcheck(text string) (*client.HealthcheckCreate, error) {
	if text == "" {
		return nil, nil
	}
	const form = "--healthcheck %s: it looks like cmd=COMMAND,interval=30s,timeout=5s,retries=3"
	places := healthFields.FindAllStringSubmatchIndex(text, -1)
	if len(places) == 0 || places[0][0] != 0 {
		return nil, usageErrorf(form, text)
	}
	check, seen := &client.HealthcheckCreate{}, map[string]bool{}
	for i, place := range places {
		end := len(text)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		key, value := text[place[2]:place[3]], strings.TrimSpace(text[place[1]:end])
		if seen[key] {
			return nil, usageErrorf("--healthcheck %s: %s is given twice", text, key)
		}
		seen[key] = true
		if !setHealthField(check, key, value) {
			return nil, usageErrorf(form+"; %s=%s is not that", text, key, value)
		}
	}
	return check, nil
}

func setHealthField(check *client.HealthcheckCreate, key, value string) (ok bool) {
	switch key {
	case "cmd":
		check.Cmd = value
		return value != ""
	case "retries":
		n, err := strconv.ParseUint(value, 10, 31)
		check.Retries = int(n)
		return err == nil
	case "interval":
		check.Interval, ok = parseSeconds(value)
	case "timeout":
		check.Timeout, ok = parseSeconds(value)
	}
	return ok
}

// parseSeconds reads a time as python-zunclient does: a number with s, m or h after it, or
// bare seconds.
func parseSeconds(text string) (int, bool) {
	digits, unit := text, uint64(1)
	for suffix, seconds := range map[string]uint64{"s": 1, "m": 60, "h": 3600} {
		if trimmed, found := strings.CutSuffix(text, suffix); found {
			digits, unit = trimmed, seconds
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return int(n * unit), err == nil
}

// parseMount reads key=value pairs between commas, and of a file what is in it.
func parseMount(text string) (client.Mount, error) {
	const form = "it looks like type=bind,source=FILE,destination=PATH"
	fields := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		key, value, found := strings.Cut(part, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch key {
		case "type", "source", "destination", "size":
		default:
			found = false
		}
		if !found || value == "" || fields[key] != "" {
			return client.Mount{}, usageErrorf("--mount %s: %s; %q is not that", text, form, part)
		}
		fields[key] = value
	}
	mount := client.Mount{Type: fields["type"], Source: fields["source"], Destination: fields["destination"], Size: fields["size"]}
	switch {
	case mount.Destination == "":
		return mount, usageErrorf("--mount %s: %s; the destination is missing", text, form)
	case mount.Type != "bind" && mount.Type != "volume" && mount.Type != "":
		return mount, usageErrorf("--mount %s: the type is bind, for a file, or volume", text)
	case mount.Source == "" && (mount.Size == "" || mount.Type == "bind"):
		return mount, usageErrorf("--mount %s: %s; the source is missing", text, form)
	case mount.Type == "bind" && mount.Size != "":
		return mount, usageErrorf("--mount %s: a file has no size to be given", text)
	case mount.Type != "bind":
		return mount, nil
	}
	return fileMount(text, mount)
}

// fileMount reads the file that a mount names.
func fileMount(text string, mount client.Mount) (client.Mount, error) {
	info, err := os.Stat(mount.Source)
	if err == nil && info.IsDir() {
		return mount, usageErrorf("--mount %s: %s is a directory; give one --mount for each file", text, mount.Source)
	}
	content, err := os.ReadFile(mount.Source)
	if err != nil {
		return mount, usageErrorf("--mount %s: %v", text, err)
	}
	return client.FileMount(mount.Destination, content), nil
}
