package client

import (
	"context"
	"net/url"
)

// Processes are the processes of a container as ps shows them.
type Processes struct {
	Titles    []string   `json:"Titles"`
	Processes [][]string `json:"Processes"` // a row each, under the titles
}

// Top lists the processes of a running container. psArgs are more arguments of ps, "-o
// pid,comm"; "" is its default. CodeInvalid: ps does not take them.
func (c *Client) Top(ctx context.Context, ref, psArgs string) (Processes, error) {
	query := url.Values{}
	set(query, "ps_args", psArgs)
	var processes Processes
	_, err := c.call(ctx, request{method: "GET", path: containerPath(ref, "top"), query: query}, &processes)
	return processes, err
}

// Stats is what a container uses. Bytes are "in/out", "1024/0".
type Stats struct {
	Container     string  `json:"CONTAINER"`
	CPUPercent    float64 `json:"CPU %"` // of all the host's processor time since it was started
	MemoryUsage   float64 `json:"MEM USAGE(MiB)"`
	MemoryLimit   float64 `json:"MEM LIMIT(MiB)"`
	MemoryPercent float64 `json:"MEM %"`
	BlockIO       string  `json:"BLOCK I/O(B)"`
	NetIO         string  `json:"NET I/O(B)"`
}

// Stats returns one sample of what a running container uses.
func (c *Client) Stats(ctx context.Context, ref string) (Stats, error) {
	var stats Stats
	_, err := c.call(ctx, request{method: "GET", path: containerPath(ref, "stats")}, &stats)
	return stats, err
}

// CommitContainer has an image made of a container and returns its UUID in Glance.
func (c *Client) CommitContainer(ctx context.Context, ref, repository, tag string) (string, error) {
	query := url.Values{"repository": {repository}}
	set(query, "tag", tag)
	var image struct {
		UUID string `json:"uuid"`
	}
	_, err := c.call(ctx, request{method: "POST", path: containerPath(ref, "commit"), query: query}, &image)
	return image.UUID, err
}
