package docker

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/gozun/gozun/zun"
)

// Top implements node.Gauges.
func (c *Client) Top(ctx context.Context, name, args string) (zun.Processes, error) {
	result, err := c.engine.ContainerTop(ctx, name, client.ContainerTopOptions{Arguments: strings.Fields(args)})
	if err == nil {
		return zun.Processes{Titles: result.Titles, Rows: result.Processes}, nil
	}
	doing := "list the processes of " + thing(name)
	if args != "" && refusedByPS(err) {
		return zun.Processes{}, zun.Wrap(zun.CodeInvalid, err, "cannot %s: ps does not take %q: %s", doing, args, readable(err.Error()))
	}
	return zun.Processes{}, c.failure(err, doing)
}

// refusedByPS reports whether it is the arguments that ps, or Docker on its behalf, does
// not take; engines call that their own failure.
func refusedByPS(err error) bool {
	text := err.Error()
	return strings.Contains(text, "Error running ps") || strings.Contains(text, "ps: ") || strings.Contains(text, "PID field") ||
		strings.Contains(text, "ps_args")
}

// Usage implements node.Gauges. What is read at once is one sample of each.
func (c *Client) Usage(ctx context.Context, name, sandbox string) (zun.Usage, error) {
	var own, net container.StatsResponse
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		own, err = c.sample(ctx, name)
		return err
	})
	group.Go(func() (err error) {
		net, err = c.sample(ctx, sandbox)
		return err
	})
	if err := group.Wait(); err != nil {
		return zun.Usage{}, err
	}
	return usageOf(own, net), nil
}

func (c *Client) sample(ctx context.Context, name string) (container.StatsResponse, error) {
	doing := "measure " + thing(name)
	var sample container.StatsResponse
	result, err := c.engine.ContainerStats(ctx, name, client.ContainerStatsOptions{})
	if err != nil {
		return sample, c.failure(err, doing)
	}
	defer func() { _ = result.Body.Close() }() // only read from
	return sample, c.failure(json.NewDecoder(result.Body).Decode(&sample), doing)
}

// usageOf puts together what a container used and what its sandbox sent and received.
// Memory is counted as Docker's own command counts it: without the page cache that nobody
// has asked for lately, which cgroups call by one name or another.
func usageOf(own, sandbox container.StatsResponse) zun.Usage {
	usage := zun.Usage{
		CPUNanoseconds: int64(own.CPUStats.CPUUsage.TotalUsage), SystemNanoseconds: int64(own.CPUStats.SystemUsage),
		MemoryBytes: int64(own.MemoryStats.Usage), MemoryLimit: int64(own.MemoryStats.Limit),
	}
	for _, name := range []string{"total_inactive_file", "inactive_file"} {
		if idle, has := own.MemoryStats.Stats[name]; has {
			usage.MemoryBytes = max(0, usage.MemoryBytes-int64(idle))
			break
		}
	}
	for _, entry := range own.BlkioStats.IoServiceBytesRecursive {
		switch strings.ToLower(entry.Op) { // cgroups 1 write it large, 2 small
		case "read":
			usage.ReadBytes += int64(entry.Value)
		case "write":
			usage.WrittenBytes += int64(entry.Value)
		}
	}
	for _, network := range sandbox.Networks {
		usage.ReceivedBytes += int64(network.RxBytes)
		usage.SentBytes += int64(network.TxBytes)
	}
	return usage
}
