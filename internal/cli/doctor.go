package cli

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// finding is what one of doctor's checks found.
type finding struct {
	Check  string
	Result string // ok, warning, failed or skipped
	Detail string
	Next   string // what to try; "" when nothing is wrong
}

// The results of a check.
const (
	findingOK      = "ok"
	findingWarning = "warning" // it works, but may not stay so
	findingFailed  = "failed"
	findingSkipped = "skipped" // it cannot be known with this user's rights, or from here
)

// clockTolerance is how far this clock may be from the service's: tokens end by theirs.
const clockTolerance = 30 * time.Second

// defaultPluginSocket is where dockerd finds the network plugin of a host.
const defaultPluginSocket = "/run/docker/plugins/kuryr.sock"

// examination is one run of doctor: each check leaves what the next ones need.
type examination struct {
	*session
	pluginSocket string // of this host
	findings     []finding
}

// found notes the result of a check. A failure says what to try.
func (e *examination) found(check, result, next, format string, args ...any) {
	e.findings = append(e.findings, finding{check, result, fmt.Sprintf(format, args...), next})
}

// failed notes a check that err ended, with the step that the error itself would advise.
func (e *examination) failed(command *cobra.Command, check string, err error, next string) {
	e.found(check, findingFailed, either(next, e.nextStep(command, err)), "%s", describeError(err))
}

func (s *session) doctorCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Find out what keeps zun from working",
		Long: `Find out what keeps zun from working: the credentials, the catalog, the container service, the
clocks, the agents of the hosts, Neutron, and, on a host, its network plugin. What cannot be
seen with your rights is skipped. Each failed check says what to try next. The exit code is 0
when nothing has failed, and 1 otherwise.`,
		Example:           "  zun doctor\n  zun doctor --json | jq '.[] | select(.result == \"failed\")'",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := outputFlags(command)
	asJSON := command.Flags().Bool("json", false, "the same as -f json")
	socket := command.Flags().String("plugin-socket", defaultPluginSocket, "of this host's network plugin")
	columns := []column[finding]{
		{name: "check", get: func(f finding) any { return f.Check }},
		{name: "result", get: func(f finding) any { return f.Result }},
		{name: "detail", get: func(f finding) any { return f.Detail }},
		{name: "next", get: func(f finding) any { return f.Next }},
	}
	command.RunE = func(command *cobra.Command, _ []string) error {
		if *asJSON {
			out.format = "json"
		}
		if err := out.check(); err != nil {
			return err
		}
		if _, err := choose(out, columns, true); err != nil {
			return err
		}
		e := &examination{session: s, pluginSocket: *socket}
		e.run(command)
		if err := writeList(s.Stdout, out, columns, e.findings); err != nil {
			return err
		}
		bad := 0
		for _, f := range e.findings {
			if f.Result == findingFailed {
				bad++
			}
		}
		if bad > 0 {
			return exitCodeError(exitFailed) // the table has said it
		}
		return nil
	}
	return command
}

// run does the checks in the order in which they need one another; what cannot be reached
// ends those behind it, but not those of this host.
func (e *examination) run(command *cobra.Command) {
	ctx := command.Context()
	if e.credentials(command) && e.catalog(ctx, command) {
		if c, ok := e.service(ctx, command); ok {
			e.containers(ctx, command, c)
			e.agents(ctx, command, c)
		}
		e.networking(ctx, command)
	}
	e.plugin(ctx)
}

// credentials looks whether they can be read and Keystone takes them.
func (e *examination) credentials(command *cobra.Command) bool {
	opened, err := e.cloud()
	if err == nil {
		_, err = opened.session.Token(command.Context())
		err = loginFailed(err)
	}
	if err != nil {
		e.failed(command, "credentials", err, "")
		return false
	}
	e.found("credentials", findingOK, "", "%s", opened.as)
	return true
}

// catalog looks whether it has the container service.
func (e *examination) catalog(ctx context.Context, command *cobra.Command) bool {
	endpoint, err := e.opened.session.Endpoint(ctx, "container")
	if err != nil {
		e.failed(command, "catalog", err, "openstack endpoint create --region REGION container public http://HOST:9517/v1, or --os-endpoint-override URL")
		return false
	}
	e.found("catalog", findingOK, "", "container service at %s", endpoint)
	return true
}

// service looks whether the container service answers, in which versions, and at what time.
func (e *examination) service(ctx context.Context, command *cobra.Command) (*client.Client, bool) {
	c, err := e.zun()
	var version client.Version
	if err == nil {
		version, err = c.Version(ctx)
	}
	if err != nil {
		e.failed(command, "api", err, "")
		return nil, false
	}
	e.found("api", findingOK, "", "it answers; version %s is used", version)
	e.clock(ctx)
	return c, true
}

// clock compares this clock with the service's, by the Date of an answer.
func (e *examination) clock(ctx context.Context) {
	told, err := e.dateOfService(ctx)
	if err != nil {
		e.found("clock", findingSkipped, "", "the service does not tell its time: %v", err)
		return
	}
	switch off := e.Now().Sub(told).Abs(); {
	case off > clockTolerance:
		e.found("clock", findingWarning, "timedatectl, on both sides", "this clock and the service's differ by %s", off.Round(time.Second))
	default:
		e.found("clock", findingOK, "", "at most %s from the service's", clockTolerance)
	}
}

func (e *examination) dateOfService(ctx context.Context) (time.Time, error) {
	endpoint, err := e.opened.session.Endpoint(ctx, "container")
	if err != nil {
		return time.Time{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return time.Time{}, err
	}
	response, err := e.opened.http.Do(request)
	if err != nil {
		return time.Time{}, err
	}
	defer response.Body.Close()
	return http.ParseTime(response.Header.Get("Date"))
}

// containers looks whether the user may use the service at all.
func (e *examination) containers(ctx context.Context, command *cobra.Command, c *client.Client) {
	if _, err := c.ListContainers(ctx, client.ContainerList{Page: client.Page{Limit: 1}}); err != nil {
		e.failed(command, "containers", err, "")
		return
	}
	e.found("containers", findingOK, "", "they can be listed")
}

// agents looks whether the hosts' agents are up, which only administrators may see.
func (e *examination) agents(ctx context.Context, command *cobra.Command, c *client.Client) {
	services, err := c.ListServices(ctx)
	switch {
	case zun.CodeOf(err) == zun.CodePolicyNotAuthorized:
		e.found("agents", findingSkipped, "", "only administrators see the hosts' agents")
		return
	case err != nil:
		e.failed(command, "agents", err, "")
		return
	}
	var down, disabled []string
	for _, one := range services {
		switch {
		case one.State != "up":
			down = append(down, one.Host)
		case one.Disabled:
			disabled = append(disabled, one.Host)
		}
	}
	usable := len(services) - len(down) - len(disabled)
	text := fmt.Sprintf("%d of %d can take containers", usable, len(services))
	switch {
	case len(down) > 0:
		text += "; down: " + strings.Join(down, ", ")
	case len(disabled) > 0:
		text += "; disabled: " + strings.Join(disabled, ", ")
	}
	switch {
	case usable == 0:
		e.found("agents", findingFailed, "zun service-list, and look at the log of zund on the hosts", "%s", text)
	case len(down) > 0:
		e.found("agents", findingWarning, "zun service-list, and look at the log of zund on the hosts that are down", "%s", text)
	default:
		e.found("agents", findingOK, "", "%s", text)
	}
}

// networking looks whether Neutron answers and has what containers' ports need.
func (e *examination) networking(ctx context.Context, command *cobra.Command) {
	c, err := e.neutron()
	if err != nil {
		e.failed(command, "neutron", err, "")
		return
	}
	extensions, err := c.FindRecords(ctx, "extensions", url.Values{"fields": {"alias"}})
	if err != nil {
		e.failed(command, "neutron", err, "neutron net-list, and ask an operator whether Neutron is up")
		return
	}
	aliases := make([]string, len(extensions))
	for i, extension := range extensions {
		aliases[i], _ = extension["alias"].(string)
	}
	var missing []string
	for _, alias := range []string{"binding", "security-group"} {
		if !slices.Contains(aliases, alias) {
			missing = append(missing, alias)
		}
	}
	if len(missing) > 0 {
		e.found("neutron", findingWarning, "ask an operator which plugins Neutron has", "it answers, and does not tell of the extensions %s", strings.Join(missing, ", "))
		return
	}
	e.found("neutron", findingOK, "", "it answers, with %d extensions", len(aliases))
}

// plugin looks whether this host's network plugin listens, if this is a host.
func (e *examination) plugin(ctx context.Context) {
	if _, err := os.Stat(e.pluginSocket); err != nil {
		e.found("plugin", findingSkipped, "", "there is no %s: this is no host that runs containers, or you may not see it", e.pluginSocket)
		return
	}
	dialer := net.Dialer{Timeout: 2 * time.Second}
	connection, err := dialer.DialContext(ctx, "unix", e.pluginSocket)
	switch {
	case os.IsPermission(err):
		e.found("plugin", findingSkipped, "sudo zun doctor", "only root may talk to %s", e.pluginSocket)
	case err != nil:
		e.found("plugin", findingFailed, "systemctl status zund-solo kuryr-libnetwork, then kuryr-libnetwork check", "nobody listens at %s: %v", e.pluginSocket, err)
	default:
		_ = connection.Close() // nothing was said on it
		e.found("plugin", findingOK, "", "it listens at %s; kuryr-libnetwork check looks deeper", e.pluginSocket)
	}
}
