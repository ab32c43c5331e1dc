package docker

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// wantJSON compares what would be sent, empty fields left out, with a JSON text.
func wantJSON(t *testing.T, got any, want string) {
	t.Helper()
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var gotTree, wantTree any
	if err := json.Unmarshal(raw, &gotTree); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &wantTree); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantTree, prune(gotTree)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// prune leaves out null, "", 0, false and what is empty after that.
func prune(tree any) any {
	switch node := tree.(type) {
	case map[string]any:
		pruned := map[string]any{}
		for key, value := range node {
			if value = prune(value); value != nil {
				pruned[key] = value
			}
		}
		if len(pruned) == 0 {
			return nil
		}
		return pruned
	case []any:
		if len(node) == 0 || len(node) == 2 && node[0] == 0.0 && node[1] == 0.0 {
			return nil
		}
		return node
	case string:
		if node == "" {
			return nil
		}
	case float64:
		if node == 0 {
			return nil
		}
	case bool:
		if !node {
			return nil
		}
	}
	return tree
}

func dualStack() zun.Network {
	return zun.Network{ID: "n1", ProjectID: "p", NeutronNetID: "nn", Subnets: []zun.Subnet{
		{ID: "s4", CIDR: netip.MustParsePrefix("10.2.0.0/24"), Gateway: netip.MustParseAddr("10.2.0.1"), PoolID: "p4"},
		{ID: "other", CIDR: netip.MustParsePrefix("10.3.0.0/24")},
		{ID: "s6", CIDR: netip.MustParsePrefix("fd00::/64"), PoolID: "p6"},
	}}
}

func TestNetworkOptions(t *testing.T) {
	spec := node.NetworkSpec{Name: "n1", Owner: "h", NetworkID: "n1", ProjectID: "p", Network: dualStack()}
	wantJSON(t, networkOptions(spec, "kuryr"), `{
		"Driver": "kuryr", "EnableIPv4": true, "EnableIPv6": true,
		"IPAM": {
			"Driver": "kuryr",
			"Options": {"neutron.net.uuid": "nn", "neutron.subnet.uuid": "s4", "neutron.pool.uuid": "p4", "neutron.subnet.v6.uuid": "s6", "neutron.pool.v6.uuid": "p6"},
			"Config": [{"Subnet": "10.2.0.0/24", "Gateway": "10.2.0.1"}, {"Subnet": "fd00::/64"}]
		},
		"Options": {"neutron.net.uuid": "nn", "neutron.subnet.uuid": "s4", "neutron.pool.uuid": "p4", "neutron.subnet.v6.uuid": "s6", "neutron.pool.v6.uuid": "p6"},
		"Labels": {"org.gozun.network": "n1", "org.gozun.project": "p", "org.gozun.owner": "h"}}`)
	spec.Network.Subnets = spec.Network.Subnets[:1]
	wantJSON(t, networkOptions(spec, "bridge"), `{
		"Driver": "bridge", "EnableIPv4": true,
		"IPAM": {"Driver": "default", "Config": [{"Subnet": "10.2.0.0/24", "Gateway": "10.2.0.1"}]},
		"Labels": {"org.gozun.network": "n1", "org.gozun.project": "p", "org.gozun.owner": "h"}}`)
}

func TestSandboxOptions(t *testing.T) {
	spec := node.SandboxSpec{
		Name: "zun-sandbox-c", Owner: "h", ContainerID: "c", ProjectID: "p", Hostname: "web", DNS: []netip.Addr{netip.MustParseAddr("9.9.9.9")},
		Endpoints: []node.EndpointSpec{
			{Network: "n1", PortID: "port1", MAC: "fa:16:3e:00:00:01", IPv4: netip.MustParseAddr("10.2.0.5"), IPv6: netip.MustParseAddr("fd00::5"), Priority: 100},
			{Network: "n2", PortID: "port2"},
		},
	}
	wantJSON(t, sandboxOptions(spec, "gozun/pause:x"), `{
		"Name": "zun-sandbox-c",
		"Config": {"Image": "gozun/pause:x", "Hostname": "web", "User": "65534:65534", "StopSignal": "SIGKILL",
			"Labels": {"org.gozun.container": "c", "org.gozun.role": "sandbox", "org.gozun.project": "p", "org.gozun.owner": "h"}},
		"HostConfig": {"NetworkMode": "n1", "ReadonlyRootfs": true, "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges", "seccomp=unconfined"],
			"IpcMode": "none", "Dns": ["9.9.9.9"], "LogConfig": {"Type": "none"}, "Memory": 16777216},
		"NetworkingConfig": {"EndpointsConfig": {"n1": {
			"IPAMConfig": {"IPv4Address": "10.2.0.5", "IPv6Address": "fd00::5"}, "MacAddress": "fa:16:3e:00:00:01",
			"DriverOpts": {"neutron.port.uuid": "port1"}, "GwPriority": 100}}}}`)
	spec.Endpoints = nil
	if mode := sandboxOptions(spec, "x").HostConfig.NetworkMode; mode != "none" {
		t.Errorf("without networks: got mode %q", mode)
	}
}

func TestContainerOptions(t *testing.T) {
	spec := node.ContainerSpec{Name: "zun-c", Sandbox: "zun-sandbox-c", Owner: "h", Container: zun.Container{
		ID: "c", ProjectID: "p", Image: "nginx", Command: []string{"-g", "daemon off;"}, Entrypoint: []string{"nginx"},
		CPU: 0.5, MemoryMiB: 512, Environment: map[string]string{"B": "2", "A": "1=x"}, Workdir: "/srv", Interactive: true, TTY: true,
		Labels: map[string]string{"tier": "web", "org.gozun.role": "sandbox", "org.gozun.fancy": "x"}, Hostname: "not-here",
		RestartPolicy: zun.RestartPolicy{Name: "on-failure", MaximumRetryCount: 3},
	}}
	wantJSON(t, containerOptions(spec), `{
		"Name": "zun-c",
		"Config": {"Image": "nginx", "Cmd": ["-g", "daemon off;"], "Entrypoint": ["nginx"], "Env": ["A=1=x", "B=2"], "WorkingDir": "/srv",
			"OpenStdin": true, "Tty": true,
			"Labels": {"tier": "web", "org.gozun.container": "c", "org.gozun.role": "container", "org.gozun.project": "p", "org.gozun.owner": "h"}},
		"HostConfig": {"NetworkMode": "container:zun-sandbox-c", "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
			"CpuShares": 512, "Memory": 536870912, "MemorySwap": 1073741824}}`)
	spec.Container = zun.Container{
		ID: "c", Image: "nginx", Privileged: true, Runtime: "runsc", DiskGiB: 5, ExposedPorts: []zun.ExposedPort{{Port: 80, Protocol: "tcp"}},
		Healthcheck: &zun.Healthcheck{Test: "wget -q localhost", Interval: time.Second, Timeout: 2 * time.Second, Retries: 3},
		Labels:      map[string]string{"org.gozun.role": "sandbox"},
	}
	spec.Files = []node.FileSpec{{Source: "/state/files/c/f", Destination: "/etc/a:b"}}
	wantJSON(t, containerOptions(spec), `{
		"Name": "zun-c",
		"Config": {"Image": "nginx", "Healthcheck": {"Test": ["CMD-SHELL", "wget -q localhost"], "Interval": 1000000000, "Timeout": 2000000000, "Retries": 3},
			"Labels": {"org.gozun.container": "c", "org.gozun.role": "container", "org.gozun.owner": "h"}},
		"HostConfig": {"NetworkMode": "container:zun-sandbox-c", "Privileged": true, "Runtime": "runsc",
			"StorageOpt": {"size": "5G"}, "Mounts": [{"Type": "bind", "Source": "/state/files/c/f", "Target": "/etc/a:b"}]}}`)
	if got := spec.Container.Labels["org.gozun.role"]; got != "sandbox" {
		t.Errorf("the record's labels were changed: %q", got)
	}
}
