package api

import (
	"context"
	"net/http"
	"strconv"
)

// processView is the JSON of a container's processes, as Docker has it.
type processView struct {
	Titles    []string   `json:"Titles"`
	Processes [][]string `json:"Processes"`
}

// containerTop serves GET /v1/containers/{id}/top.
func (s *server) containerTop(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	args := p.text("ps_args")
	if len(args) > 255 {
		p.fail("ps_args", args, "it must have 255 characters at most")
	}
	if err := p.done(); err != nil {
		return reply{}, err
	}
	processes, err := s.Control.Top(ctx, c.grant, c.ident(), args)
	if err != nil {
		return reply{}, err
	}
	view := processView{Titles: processes.Titles, Processes: processes.Rows}
	if view.Titles == nil {
		view.Titles = []string{}
	}
	if view.Processes == nil {
		view.Processes = [][]string{}
	}
	return reply{status: http.StatusOK, body: view}, nil
}

// statsView is the JSON of what a container uses, with the keys that Zun shows to people
// (zun/container/docker/driver.py stats).
type statsView struct {
	Container   string  `json:"CONTAINER"`
	CPU         float64 `json:"CPU %"`
	MemoryUsage float64 `json:"MEM USAGE(MiB)"`
	MemoryLimit float64 `json:"MEM LIMIT(MiB)"`
	Memory      float64 `json:"MEM %"`
	BlockIO     string  `json:"BLOCK I/O(B)"`
	NetIO       string  `json:"NET I/O(B)"`
}

// containerStats serves GET /v1/containers/{id}/stats.
func (s *server) containerStats(ctx context.Context, c *call) (reply, error) {
	if err := c.params().done(); err != nil {
		return reply{}, err
	}
	container, u, err := s.Control.Stats(ctx, c.grant, c.ident())
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: statsView{
		Container: container.Name, CPU: u.CPUPercent(),
		MemoryUsage: mebibytes(u.MemoryBytes), MemoryLimit: mebibytes(u.MemoryLimit), Memory: u.MemoryPercent(),
		BlockIO: pair(u.ReadBytes, u.WrittenBytes), NetIO: pair(u.ReceivedBytes, u.SentBytes),
	}}, nil
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// pair is how Zun writes two numbers of bytes that belong together, in and out.
func pair(in, out int64) string {
	return strconv.FormatInt(in, 10) + "/" + strconv.FormatInt(out, 10)
}
