package docker

import (
	"maps"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// Labels that everything of ours carries. A user's label under labelPrefix is dropped.
const (
	labelPrefix    = "org.gozun."
	labelContainer = labelPrefix + "container" // zun.Container.ID
	labelRole      = labelPrefix + "role"      // node.Role
	labelNetwork   = labelPrefix + "network"   // zun.Network.ID
	labelProject   = labelPrefix + "project"
	labelAction    = labelPrefix + "action" // zun.Action.ID of what made the container
	labelOwner     = labelPrefix + "owner"  // whose records know it
)

// Options of networks and endpoints. The first five are Kuryr's; the plugin reads the
// network ones both as driver and as IPAM options, since each half sees only its own.
const (
	optionNetwork    = "neutron.net.uuid"
	optionSubnet     = "neutron.subnet.uuid"
	optionSubnetV6   = "neutron.subnet.v6.uuid"
	optionPool       = "neutron.pool.uuid"
	optionPoolV6     = "neutron.pool.v6.uuid"
	optionPort       = "neutron.port.uuid"
	driverBridge     = "bridge" // Docker's own, which takes none of the above; for tests
	ipamDriverDocker = "default"
)

// The sandbox gets nothing it does not need. Memory is what runc itself needs to get to
// the exec, the program needs none. Nothing of a user's runs in it, and what does makes one system
// call: a filter of calls would guard nothing, and is the twelfth part of what a start computes.
const (
	sandboxUser   = "65534:65534"
	sandboxMemory = 16 << 20
)

// networkOptions is the Docker network for a spec under a network driver. Docker and
// Kuryr have one subnet of each family on a network: the first counts.
func networkOptions(spec node.NetworkSpec, driver string) client.NetworkCreateOptions {
	v4, v6 := families(spec.Network.Subnets)
	has4, has6 := v4 != nil, v6 != nil
	ipam := &network.IPAM{Driver: driver}
	for _, subnet := range []*zun.Subnet{v4, v6} {
		if subnet != nil {
			ipam.Config = append(ipam.Config, network.IPAMConfig{Subnet: subnet.CIDR, Gateway: subnet.Gateway})
		}
	}
	options := client.NetworkCreateOptions{
		Driver: driver, EnableIPv4: &has4, EnableIPv6: &has6, IPAM: ipam,
		Labels: map[string]string{labelNetwork: spec.NetworkID, labelProject: spec.ProjectID, labelOwner: spec.Owner},
	}
	if driver == driverBridge {
		ipam.Driver = ipamDriverDocker
		return options
	}
	options.Options = neutronOptions(spec.Network, v4, v6)
	ipam.Options = neutronOptions(spec.Network, v4, v6)
	return options
}

// neutronOptions names the Neutron resources of a network in Kuryr's words.
func neutronOptions(n zun.Network, v4, v6 *zun.Subnet) map[string]string {
	options := map[string]string{optionNetwork: n.NeutronNetID}
	name := func(subnet *zun.Subnet, subnetOption, poolOption string) {
		if subnet == nil {
			return
		}
		options[subnetOption] = subnet.ID
		if subnet.PoolID != "" {
			options[poolOption] = subnet.PoolID
		}
	}
	name(v4, optionSubnet, optionPool)
	name(v6, optionSubnetV6, optionPoolV6)
	return options
}

// families returns the first subnet of each address family, nil where there is none.
func families(subnets []zun.Subnet) (v4, v6 *zun.Subnet) {
	for i := range subnets {
		switch is4 := subnets[i].CIDR.Addr().Is4(); {
		case is4 && v4 == nil:
			v4 = &subnets[i]
		case !is4 && v6 == nil:
			v6 = &subnets[i]
		}
	}
	return v4, v6
}

// endpointSettings is an endpoint as Docker takes it.
func endpointSettings(spec node.EndpointSpec) *network.EndpointSettings {
	settings := &network.EndpointSettings{
		IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: spec.IPv4, IPv6Address: spec.IPv6},
		GwPriority: spec.Priority,
	}
	if spec.PortID != "" {
		settings.DriverOpts = map[string]string{optionPort: spec.PortID}
	}
	if mac, err := net.ParseMAC(spec.MAC); err == nil {
		settings.MacAddress = network.HardwareAddr(mac)
	}
	return settings
}

// sandboxOptions is the sandbox with its primary endpoint only; engines before API 1.44
// refuse more than one at creation.
func sandboxOptions(spec node.SandboxSpec, image string) client.ContainerCreateOptions {
	options := client.ContainerCreateOptions{
		Name: spec.Name,
		Config: &container.Config{
			Image: image, Hostname: spec.Hostname, User: sandboxUser,
			StopSignal: "SIGKILL", // it has nothing to clean up, and dockerd's shutdown waits for it
			Labels:     ownLabels(node.RoleSandbox, spec.ContainerID, spec.ProjectID, spec.Owner),
		},
		HostConfig: &container.HostConfig{
			NetworkMode: "none", ReadonlyRootfs: true, CapDrop: []string{"ALL"},
			SecurityOpt: []string{"no-new-privileges", "seccomp=unconfined"}, IpcMode: container.IPCModeNone,
			DNS: slices.Clone(spec.DNS), LogConfig: container.LogConfig{Type: "none"},
			Resources: container.Resources{Memory: sandboxMemory},
		},
	}
	if len(spec.Endpoints) > 0 {
		primary := spec.Endpoints[0]
		options.HostConfig.NetworkMode = container.NetworkMode(primary.Network)
		options.NetworkingConfig = &network.NetworkingConfig{
			EndpointsConfig: map[string]*network.EndpointSettings{primary.Network: endpointSettings(primary)},
		}
	}
	return options
}

// containerOptions is the user's container, in the network namespace of its sandbox.
func containerOptions(spec node.ContainerSpec) client.ContainerCreateOptions {
	c := spec.Container
	labels := maps.Clone(c.Labels)
	maps.DeleteFunc(labels, func(key, _ string) bool { return strings.HasPrefix(key, labelPrefix) })
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, ownLabels(node.RoleContainer, c.ID, c.ProjectID, spec.Owner))
	if spec.Action != 0 {
		labels[labelAction] = strconv.FormatInt(spec.Action, 10)
	}
	return client.ContainerCreateOptions{
		Name: spec.Name,
		Config: &container.Config{
			Image: c.Image, Entrypoint: c.Entrypoint, Cmd: c.Command, Env: environment(c.Environment),
			WorkingDir: c.Workdir, Tty: c.TTY, OpenStdin: c.Interactive, Labels: labels,
			Healthcheck: healthcheck(c.Healthcheck),
		},
		HostConfig: &container.HostConfig{
			NetworkMode: container.NetworkMode("container:" + spec.Sandbox),
			AutoRemove:  c.AutoRemove,
			RestartPolicy: container.RestartPolicy{
				Name:              container.RestartPolicyMode(c.RestartPolicy.Name),
				MaximumRetryCount: c.RestartPolicy.MaximumRetryCount,
			},
			Privileged: c.Privileged, Runtime: c.Runtime, StorageOpt: storage(c.DiskGiB), Mounts: mounts(spec.Files),
			Resources: resourcesOf(node.Resources{CPU: c.CPU, MemoryMiB: c.MemoryMiB}),
		},
	}
}

// healthcheck is a health check as Docker takes it. One without a command changes how the
// image's is done.
func healthcheck(h *zun.Healthcheck) *container.HealthConfig {
	if h == nil {
		return nil
	}
	config := &container.HealthConfig{Interval: h.Interval, Timeout: h.Timeout, Retries: h.Retries}
	if h.Test != "" {
		config.Test = []string{"CMD-SHELL", h.Test}
	}
	return config
}

// storage is the limit of a container's disk as Docker takes it.
func storage(diskGiB int64) map[string]string {
	if diskGiB == 0 {
		return nil
	}
	return map[string]string{"size": strconv.FormatInt(diskGiB, 10) + "G"}
}

// mounts is files as Docker takes them. A file is the container's own: it may write to it.
func mounts(files []node.FileSpec) []mount.Mount {
	var list []mount.Mount
	for _, file := range files {
		list = append(list, mount.Mount{Type: mount.TypeBind, Source: file.Source, Target: file.Destination})
	}
	return list
}

// resourcesOf are a container's limits as Docker takes them. Twice the memory, memory and
// swap together, is what Docker itself makes of a limit at creation; an update that raises
// the one must say the other.
func resourcesOf(r node.Resources) container.Resources {
	return container.Resources{CPUShares: int64(1024 * r.CPU), Memory: r.MemoryMiB << 20, MemorySwap: 2 * r.MemoryMiB << 20}
}

func ownLabels(role node.Role, containerID, projectID, owner string) map[string]string {
	return map[string]string{
		labelContainer: containerID, labelRole: string(role), labelProject: projectID, labelOwner: owner,
	}
}

// environment is the variables as Docker takes them, in a fixed order.
func environment(variables map[string]string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		list = append(list, name+"="+variables[name])
	}
	return list
}

// withoutZero turns the zero address and the unspecified one, which engines write for
// "none", into the zero Addr.
func withoutZero(address netip.Addr) netip.Addr {
	if !address.IsValid() || address.IsUnspecified() {
		return netip.Addr{}
	}
	return address
}
