package client

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/gozun/gozun/zun"
)

// Container is a container as the API shows it. Fields that only an administrator sees
// are empty for others.
type Container struct {
	UUID            string               `json:"uuid"`
	Name            string               `json:"name"`
	ProjectID       string               `json:"project_id"`
	UserID          string               `json:"user_id"`
	Image           string               `json:"image"`
	ImageDriver     string               `json:"image_driver"`
	ImagePullPolicy string               `json:"image_pull_policy,omitempty"`
	Command         []string             `json:"command"`
	Entrypoint      []string             `json:"entrypoint"`
	Status          zun.Status           `json:"status"`
	StatusReason    string               `json:"status_reason"`
	StatusDetail    string               `json:"status_detail"`
	TaskState       zun.TaskState        `json:"task_state"`
	CPU             float64              `json:"cpu"`
	CPUPolicy       string               `json:"cpu_policy"`
	Memory          string               `json:"memory"` // MiB, "512"
	Disk            int                  `json:"disk"`   // GiB
	Environment     map[string]string    `json:"environment"`
	Labels          map[string]string    `json:"labels"`
	Workdir         string               `json:"workdir"`
	Ports           []int                `json:"ports"`
	Hostname        string               `json:"hostname"`
	Addresses       map[string][]Address `json:"addresses"` // by Neutron network UUID
	Host            string               `json:"host,omitempty"`
	Runtime         string               `json:"runtime,omitempty"`
	Privileged      bool                 `json:"privileged,omitempty"`
	RestartPolicy   *RestartPolicy       `json:"restart_policy"`
	Interactive     bool                 `json:"interactive"`
	TTY             bool                 `json:"tty"`
	AutoRemove      bool                 `json:"auto_remove"`
	AutoHeal        bool                 `json:"auto_heal"`
	SecurityGroups  []string             `json:"security_groups"` // UUIDs
	Healthcheck     *Healthcheck         `json:"healthcheck"`
	RegistryID      string               `json:"registry_id"`
	CreatedAt       Time                 `json:"created_at"`
	UpdatedAt       Time                 `json:"updated_at"`
}

// Address is one fixed IP of a container's port.
type Address struct {
	Addr             string `json:"addr"`
	Version          int    `json:"version"` // 4 or 6
	Port             string `json:"port"`    // Neutron port UUID
	SubnetID         string `json:"subnet_id"`
	PreserveOnDelete bool   `json:"preserve_on_delete"` // the port is the user's own
}

// RestartPolicy says when the container's process is started again.
type RestartPolicy struct {
	Name              string `json:"Name"`                        // no, always, on-failure, unless-stopped
	MaximumRetryCount string `json:"MaximumRetryCount,omitempty"` // digits; with on-failure
}

// ContainerCreate is what a container is made from; zero fields are left to the service.
type ContainerCreate struct {
	Image           string            `json:"image"` // required
	Name            string            `json:"name,omitempty"`
	Command         []string          `json:"command,omitempty"`
	Entrypoint      []string          `json:"entrypoint,omitempty"`
	CPU             *float64          `json:"cpu,omitempty"`
	Memory          string            `json:"memory,omitempty"` // MiB, "512"
	Disk            *int              `json:"disk,omitempty"`
	Environment     map[string]string `json:"environment,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	Workdir         string            `json:"workdir,omitempty"`
	Hostname        string            `json:"hostname,omitempty"`
	ImagePullPolicy string            `json:"image_pull_policy,omitempty"`
	ImageDriver     string            `json:"image_driver,omitempty"`
	Registry        string            `json:"registry,omitempty"` // name or UUID of a Registry
	Nets            []Net             `json:"nets,omitempty"`
	SecurityGroups  []string          `json:"security_groups,omitempty"` // names or UUIDs
	RestartPolicy   *RestartPolicy    `json:"restart_policy,omitempty"`
	AutoRemove      bool              `json:"auto_remove,omitempty"`
	AutoHeal        bool              `json:"auto_heal,omitempty"`
	Privileged      bool              `json:"privileged,omitempty"`
	Runtime         string            `json:"runtime,omitempty"`

	Healthcheck  *HealthcheckCreate  `json:"healthcheck,omitempty"`
	ExposedPorts map[string]struct{} `json:"exposed_ports,omitempty"` // "80", "80/tcp", "53/udp"; excludes SecurityGroups
	Mounts       []Mount             `json:"mounts,omitempty"`

	Interactive bool `json:"interactive,omitempty"`
	TTY         bool `json:"tty,omitempty"`

	AvailabilityZone string         `json:"availability_zone,omitempty"`
	Host             string         `json:"host,omitempty"`  // for administrators
	Hints            map[string]any `json:"hints,omitempty"` // same_host, different_host: a container or a list; label:KEY: a value

	Run bool `json:"-"` // start it as well
}

// Net is one network that a new container is to be on: a Network or a Port.
type Net struct {
	Network string `json:"network,omitempty"` // name or UUID; one of our networks first, else Neutron's
	Port    string `json:"port,omitempty"`    // name or UUID of a Neutron port
	IPv4    string `json:"v4-fixed-ip,omitempty"`
	IPv6    string `json:"v6-fixed-ip,omitempty"`
}

// ContainerList chooses and orders containers; zero fields do not filter.
type ContainerList struct {
	Name, Image, ProjectID, UserID, Host, Status, TaskState, Memory string

	AutoRemove  *bool
	AllProjects bool
	Page
}

// ContainerDelete says how a container is deleted.
type ContainerDelete struct {
	Force       bool
	Stop        bool // stop it first; wins over Force
	AllProjects bool
}

// CreateContainer makes a container, and starts it with create.Run. The service answers
// before the work is done; the request id finds the action that does it.
func (c *Client) CreateContainer(ctx context.Context, create ContainerCreate) (Container, string, error) {
	body, err := c.createBody(ctx, create)
	if err != nil {
		return Container{}, "", err
	}
	query := url.Values{}
	if create.Run {
		query.Set("run", "true")
	}
	var made Container
	id, err := c.call(ctx, request{method: "POST", path: "/containers", query: query, body: body}, &made)
	return made, id, err
}

// createBody speaks to services from before 1.20, where a command is one string.
func (c *Client) createBody(ctx context.Context, create ContainerCreate) (any, error) {
	version, err := c.Version(ctx)
	if err != nil || version.AtLeast(Version{1, 20}) || len(create.Command) == 0 {
		return create, err
	}
	type plain ContainerCreate
	return struct {
		plain
		Command string `json:"command"`
	}{plain(create), JoinCommand(create.Command)}, nil
}

// ListContainers returns the containers that list chooses, following pages as needed.
func (c *Client) ListContainers(ctx context.Context, list ContainerList) ([]Container, error) {
	query := list.query()
	set(query, "name", list.Name)
	set(query, "image", list.Image)
	set(query, "project_id", list.ProjectID)
	set(query, "user_id", list.UserID)
	set(query, "host", list.Host)
	set(query, "status", list.Status)
	set(query, "task_state", list.TaskState)
	set(query, "memory", list.Memory)
	if list.AutoRemove != nil {
		query.Set("auto_remove", strconv.FormatBool(*list.AutoRemove))
	}
	if list.AllProjects {
		query.Set("all_projects", "true")
	}
	return pages(ctx, c, "/containers", "containers", query, list.Limit, func(k Container) string { return k.UUID })
}

// GetContainer returns one container by name or UUID; CodeContainerNotFound when the
// caller cannot see one, CodeConflict when several have the name.
func (c *Client) GetContainer(ctx context.Context, ref string, allProjects bool) (Container, error) {
	query := url.Values{}
	if allProjects {
		query.Set("all_projects", "true")
	}
	var got Container
	_, err := c.call(ctx, request{method: "GET", path: containerPath(ref), query: query}, &got)
	return got, err
}

// DeleteContainer orders the deletion and returns the request id of its action.
// CodeInvalidState when the container runs and neither Stop nor Force is set.
func (c *Client) DeleteContainer(ctx context.Context, ref string, options ContainerDelete) (string, error) {
	query := url.Values{
		"force":        {strconv.FormatBool(options.Force)},
		"stop":         {strconv.FormatBool(options.Stop)},
		"all_projects": {strconv.FormatBool(options.AllProjects)},
	}
	return c.call(ctx, request{method: "DELETE", path: containerPath(ref), query: query}, nil)
}

// containerPath also keeps a name with odd characters in one segment.
func containerPath(ref string, more ...string) string {
	segments := []string{"/containers", url.PathEscape(ref)}
	for _, segment := range more {
		segments = append(segments, url.PathEscape(segment))
	}
	return strings.Join(segments, "/")
}

func set(query url.Values, key, value string) {
	if value != "" {
		query.Set(key, value)
	}
}
