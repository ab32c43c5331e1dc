package zun

// Placement is what a user asks of the host that a container is to be on. The zero
// Placement is any host.
type Placement struct {
	AvailabilityZone string            `json:"availability_zone,omitempty"`
	Host             string            `json:"host,omitempty"`           // name; the only one that is taken
	SameHost         []string          `json:"same_host,omitempty"`      // containers: on a host of one of them
	DifferentHost    []string          `json:"different_host,omitempty"` // containers: on no host of theirs
	Labels           map[string]string `json:"labels,omitempty"`         // that the host's Docker Engine must have
}
