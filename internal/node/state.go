package node

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gozun/gozun/zun"
)

// statusOf is the status that users see for a state of Docker's.
func statusOf(phase Phase) zun.Status {
	switch phase {
	case PhaseCreated:
		return zun.StatusCreated
	case PhaseRunning:
		return zun.StatusRunning
	case PhasePaused:
		return zun.StatusPaused
	case PhaseRestarting:
		return zun.StatusRestarting
	case PhaseExited, PhaseRemoving:
		return zun.StatusStopped
	case PhaseDead:
		return zun.StatusDead
	}
	return zun.StatusUnknown
}

// detailOf is the sentence beside the status, in the form upstream has it: "Up 5 mins",
// "Exited(0) 2 hours ago".
func detailOf(s State, now time.Time) string {
	switch s.Phase {
	case PhaseRunning:
		return "Up " + span(now.Sub(s.StartedAt)) + s.Health.words()
	case PhasePaused:
		return "Up " + span(now.Sub(s.StartedAt)) + " (paused)"
	case PhaseRestarting:
		return fmt.Sprintf("Restarting(%d) %s ago", s.ExitCode, span(now.Sub(s.FinishedAt)))
	case PhaseExited:
		return fmt.Sprintf("Exited(%d) %s ago", s.ExitCode, span(now.Sub(s.FinishedAt)))
	case PhaseCreated:
		return "Created"
	case PhaseRemoving:
		return "Removal in progress"
	case PhaseDead:
		return "Dead"
	}
	return ""
}

// span is a duration as people say it, in its biggest unit.
func span(d time.Duration) string {
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "min"}} {
		if n := d / unit.length; n > 0 {
			return plural(int64(n), unit.name)
		}
	}
	return plural(int64(max(d, 0)/time.Second), "second")
}

func plural(n int64, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}

// observation is what to tell of a container that is as seen.
func (a *Agent) observation(c zun.Container, s seen) zun.Observation {
	now := a.Now().UTC()
	o := zun.Observation{ContainerID: c.ID, At: now}
	if s.sandbox != nil {
		o.SandboxID, o.Hostname = s.sandbox.ID, s.sandbox.Hostname
	}
	if s.app == nil {
		o.Status, o.StatusReason = absent(c)
		o.Gone = o.Status == zun.StatusError
		return o
	}
	if leaving(c, s.app) {
		return o
	}
	o.DockerID, o.StartedAt, o.Runtime, o.Gone = s.app.ID, s.app.StartedAt, s.app.Runtime, s.app.Phase == PhaseDead
	o.Status, o.StatusDetail = statusOf(s.app.Phase), detailOf(*s.app, now)
	o.Command, o.Entrypoint, o.Ports = s.app.Command, s.app.Entrypoint, portsOf(c, *s.app)
	switch {
	case s.app.OOMKilled && o.Status == zun.StatusStopped:
		o.StatusReason = fmt.Sprintf("out of memory: the limit is %d MiB", c.MemoryMiB)
	case s.app.Health == HealthUnhealthy && o.Status == zun.StatusRunning:
		o.StatusReason = unhealthy(s.app.HealthSays)
	}
	return o
}

// portsOf returns the ports that the image or the user says the container listens on,
// ascending. Docker is not told the user's: a container in its sandbox's network may have
// none.
func portsOf(c zun.Container, s State) []int {
	ports := slices.Clone(s.Ports)
	for _, port := range c.ExposedPorts {
		ports = append(ports, int(port.Port))
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// words is what follows "Up 5 mins" for a health, as Docker's people say it.
func (h Health) words() string {
	switch h {
	case "":
		return ""
	case HealthStarting:
		return " (health: starting)"
	}
	return " (" + string(h) + ")"
}

// healthIn reads the health out of a status detail.
func healthIn(detail string) Health {
	for _, h := range []Health{HealthStarting, HealthHealthy, HealthUnhealthy} {
		if strings.HasSuffix(detail, h.words()) {
			return h
		}
	}
	return ""
}

// unhealthy is why a container is unhealthy: the beginning of what the last check wrote.
func unhealthy(says string) string {
	const limit = 300
	says = strings.TrimSpace(strings.ToValidUTF8(says[:min(len(says), limit)], ""))
	if says == "" {
		return zun.ReasonUnhealthy
	}
	return zun.ReasonUnhealthy + ": " + says
}

// absent is the status of a container that Docker does not have: removed by Docker when
// that was asked for, else lost. Before it was made, or after that failed, its absence is
// no news.
func absent(c zun.Container) (zun.Status, string) {
	switch {
	case c.Status == zun.StatusCreating || c.Status == zun.StatusError:
		return "", ""
	case c.AutoRemove:
		return zun.StatusDeleted, ""
	case c.DockerID == "":
		return zun.StatusError, "No such container: " + ContainerName(c.ID) + " in docker"
	}
	return zun.StatusError, "No such container: " + c.DockerID + " in docker"
}

// hostname is what the container calls itself: what was asked for, else its name with what
// a host name may not have taken out (RFC 1123), else the beginning of its id.
func hostname(c zun.Container) string {
	if c.Hostname != "" {
		return c.Hostname
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
			return r
		case r == '_', r == '.', r == ' ':
			return '-'
		}
		return -1
	}, c.Name)
	name = strings.Trim(name[:min(len(name), 63)], "-")
	if name == "" {
		return c.ID[:min(len(c.ID), 12)]
	}
	return name
}
