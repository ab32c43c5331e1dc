package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/gozun/gozun/zun"
)

// hostView is the JSON of a host. The last three are not Zun's and shown from 1.41.
type hostView struct {
	UUID               string            `json:"uuid"`
	Links              []link            `json:"links"`
	Hostname           string            `json:"hostname"`
	MemTotal           int64             `json:"mem_total"` // MiB
	MemUsed            int64             `json:"mem_used"`
	CPUs               int               `json:"cpus"`
	CPUUsed            pythonFloat       `json:"cpu_used"`
	TotalContainers    int               `json:"total_containers"`
	Architecture       string            `json:"architecture"`
	OSType             string            `json:"os_type"`
	OS                 string            `json:"os"`
	KernelVersion      string            `json:"kernel_version"`
	Labels             map[string]string `json:"labels"`
	DiskTotal          int64             `json:"disk_total"` // GiB
	DiskUsed           int64             `json:"disk_used"`
	DiskQuotaSupported bool              `json:"disk_quota_supported"`
	Runtimes           []string          `json:"runtimes"`
	EnableCPUPinning   bool              `json:"enable_cpu_pinning"`
	RunningContainers  *int              `json:"running_containers,omitempty"`
	PausedContainers   *int              `json:"paused_containers,omitempty"`
	StoppedContainers  *int              `json:"stopped_containers,omitempty"`
}

// pythonFloat is a number that is written as Python writes a float: with a point.
type pythonFloat float64

// MarshalJSON writes 1 as 1.0.
func (f pythonFloat) MarshalJSON() ([]byte, error) {
	text := strconv.AppendFloat(nil, float64(f), 'f', -1, 64)
	if _, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		text = append(text, ".0"...)
	}
	return text, nil
}

var _ json.Marshaler = pythonFloat(0)

// viewHost makes the JSON of a host.
func viewHost(c *call, h zun.HostDetail) hostView {
	view := hostView{
		UUID: h.ID, Links: c.links("hosts", h.ID), Hostname: h.Name, MemTotal: h.MemoryMiB, MemUsed: h.Usage.MemoryMiB,
		CPUs: h.CPUs, CPUUsed: pythonFloat(h.Usage.CPU), TotalContainers: h.Usage.Containers, Architecture: h.Architecture,
		OSType: h.OSType, OS: h.OS, KernelVersion: h.Kernel, Labels: h.Labels, DiskTotal: h.DiskGiB, DiskUsed: h.Usage.DiskGiB,
		DiskQuotaSupported: h.DiskQuota, Runtimes: h.Runtimes,
	}
	if view.Labels == nil {
		view.Labels = map[string]string{}
	}
	if view.Runtimes == nil {
		view.Runtimes = []string{}
	}
	if c.version >= ownMinor {
		view.RunningContainers, view.PausedContainers, view.StoppedContainers = &h.Usage.Running, &h.Usage.Paused, &h.Usage.Stopped
	}
	return view
}

// listHosts serves GET /v1/hosts. As in Zun, parameters that it does not know are let pass.
func (s *server) listHosts(ctx context.Context, c *call) (reply, error) {
	q := s.listQuery(c)
	q.defaultKey = "hostname"
	if q.err != nil {
		return reply{}, q.err
	}
	hosts, err := s.Control.ListHosts(ctx, c.grant, q.page)
	if err != nil {
		return reply{}, err
	}
	page := struct {
		Hosts []hostView `json:"hosts"`
		Next  *string    `json:"next"`
	}{Hosts: make([]hostView, len(hosts))}
	for i, host := range hosts {
		page.Hosts[i] = viewHost(c, host)
	}
	if len(hosts) > 0 {
		page.Next = optional(q.next(c, "hosts", len(hosts), hosts[len(hosts)-1].ID))
	}
	return reply{status: http.StatusOK, body: page}, nil
}

// showHost serves GET /v1/hosts/{uuid or hostname}.
func (s *server) showHost(ctx context.Context, c *call) (reply, error) {
	host, err := s.Control.GetHost(ctx, c.grant, c.ident())
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: viewHost(c, host)}, nil
}
