package docker

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/gozun/gozun/internal/node"
)

// stateOf turns an inspection into our words.
func stateOf(c container.InspectResponse) node.State {
	state := node.State{ID: c.ID, Name: strings.TrimPrefix(c.Name, "/"), Created: timeOf(c.Created)}
	if c.State != nil {
		state.Phase = node.Phase(c.State.Status)
		state.ExitCode, state.OOMKilled = c.State.ExitCode, c.State.OOMKilled
		state.Error = readable(c.State.Error)
		state.Health, state.HealthSays = healthOf(c.State.Health)
		state.StartedAt, state.FinishedAt = timeOf(c.State.StartedAt), timeOf(c.State.FinishedAt)
	}
	if c.Config != nil {
		state.ContainerID = c.Config.Labels[labelContainer]
		state.Role = node.Role(c.Config.Labels[labelRole])
		state.Action, _ = strconv.ParseInt(c.Config.Labels[labelAction], 10, 64)
		state.Hostname = c.Config.Hostname
		state.Command, state.Entrypoint = c.Config.Cmd, c.Config.Entrypoint
		state.Ports = portsOf(c.Config.ExposedPorts)
	}
	if c.HostConfig != nil {
		state.Runtime = c.HostConfig.Runtime
		state.Sandbox, state.Alone = joined(string(c.HostConfig.NetworkMode)), c.HostConfig.NetworkMode.IsNone()
	}
	if c.NetworkSettings != nil {
		state.Endpoints = endpointsOf(c.NetworkSettings.Networks)
	}
	return state
}

// portsOf returns the numbers of ports, each once whatever its protocols.
func portsOf(exposed network.PortSet) []int {
	var ports []int
	for port := range exposed {
		ports = append(ports, int(port.Num()))
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// healthOf returns what a health check says, and what it wrote last.
func healthOf(h *container.Health) (node.Health, string) {
	if h == nil || h.Status == container.NoHealthcheck {
		return "", ""
	}
	says := ""
	if len(h.Log) > 0 && h.Log[len(h.Log)-1] != nil {
		says = h.Log[len(h.Log)-1].Output
	}
	return node.Health(h.Status), says
}

// healthIn reads the health out of the sentence that lists have, "Up 5 minutes (healthy)":
// engines before API 1.52 have it nowhere else there.
func healthIn(status string) node.Health {
	switch {
	case strings.HasSuffix(status, "(healthy)"):
		return node.HealthHealthy
	case strings.HasSuffix(status, "(unhealthy)"):
		return node.HealthUnhealthy
	case strings.HasSuffix(status, "(health: starting)"):
		return node.HealthStarting
	}
	return ""
}

// summaryOf turns an element of a list into our words.
func summaryOf(c container.Summary) node.State {
	state := node.State{
		ID: c.ID, ContainerID: c.Labels[labelContainer], Role: node.Role(c.Labels[labelRole]),
		Phase: node.Phase(c.State), Health: healthIn(c.Status), Created: time.Unix(c.Created, 0).UTC(), Sandbox: joined(c.HostConfig.NetworkMode),
	}
	if len(c.Names) > 0 {
		state.Name = strings.TrimPrefix(c.Names[0], "/")
	}
	if c.NetworkSettings != nil {
		state.Endpoints = endpointsOf(c.NetworkSettings.Networks)
	}
	return state
}

func joined(mode string) string {
	other, joins := strings.CutPrefix(mode, "container:")
	if !joins {
		return ""
	}
	return other
}

// endpointsOf leaves out the network "none", which is Docker's way to say no network.
func endpointsOf(networks map[string]*network.EndpointSettings) map[string]node.Endpoint {
	endpoints := map[string]node.Endpoint{}
	for name, settings := range networks {
		if name == "none" || settings == nil {
			continue
		}
		endpoint := node.Endpoint{PortID: settings.DriverOpts[optionPort], MAC: settings.MacAddress.String()}
		if settings.IPAMConfig != nil {
			endpoint.IPv4 = withoutZero(settings.IPAMConfig.IPv4Address)
			endpoint.IPv6 = withoutZero(settings.IPAMConfig.IPv6Address)
		}
		endpoints[name] = endpoint
	}
	return endpoints
}

// timeOf reads Docker's times; its way to say "never" is the year 1.
func timeOf(text string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.Year() <= 1 {
		return time.Time{}
	}
	return t.UTC()
}
