package zun

import "net/netip"

// ContainerRequest is what a user asks for when making a container; pointers are nil
// where nothing was said and a default applies.
type ContainerRequest struct {
	Name            string // "" makes one up
	Image           string
	ImagePullPolicy string
	ImageDriver     string
	Registry        string // name or UUID of a Registry of the project; "" for none
	Command         []string
	Entrypoint      []string
	CPU             *float64
	MemoryMiB       *int64
	DiskGiB         *int64
	Environment     map[string]string
	Labels          map[string]string
	Workdir         string
	Hostname        string
	Interactive     bool
	TTY             bool
	AutoRemove      bool
	AutoHeal        bool
	RestartPolicy   RestartPolicy
	Privileged      bool
	Runtime         string // "" is Docker's default
	Healthcheck     *Healthcheck
	ExposedPorts    []ExposedPort
	Files           []File       // put into the container; IDs are made by control
	SecurityGroups  []string     // names or UUIDs, in the caller's project
	Nets            []NetRequest // empty: the default network
	OwnNetworks     bool         // Nets' and the default's names mean gozun networks first (microversion 1.41)
	Placement       Placement    // its containers are names or UUIDs, in the caller's project
	Run             bool         // start it as well
}

// NetworkRequest is what a user asks for when making a network. Either CIDR is set, and
// the Neutron network, pool and subnet are made, or NeutronNet names one that is there.
type NetworkRequest struct {
	Name           string
	NeutronNet     string   // name or UUID
	NeutronPool    string   // name or UUID; optional
	NeutronSubnets []string // names or UUIDs; empty: every subnet of the network
	CIDR           netip.Prefix
}

// DeleteOptions say how a container is deleted.
type DeleteOptions struct {
	Force       bool
	Stop        bool // stop it first; wins over Force
	AllProjects bool // needs policy
}

// Page is the part of a list that is asked for.
type Page struct {
	Limit   int    // at most this many; 0 is the service's limit
	Marker  string // UUID of the last one of the page before
	SortKey string // a column; "" is the order of making
	Desc    bool
}

// ContainerFilter chooses containers of a list; zero fields do not filter.
type ContainerFilter struct {
	Name, Image, ProjectID, UserID, Host string
	Status                               Status
	TaskState                            TaskState
	MemoryMiB                            int64
	AutoRemove                           *bool
	AllProjects                          bool // needs policy
	Page                                 Page
}

// NetworkFilter chooses networks of a list; zero fields do not filter.
type NetworkFilter struct {
	Name         string
	NeutronNetID string
	Status       NetworkStatus
	AllProjects  bool // needs policy
	Page         Page
}

// AttachedNetwork is one network of a container.
type AttachedNetwork struct {
	Attachment Attachment
	Network    Network
}

// ContainerDetail is a container with its networks, by position.
type ContainerDetail struct {
	Container
	Nets []AttachedNetwork
}

// Holder is a container that is on a network.
type Holder struct {
	Attachment    Attachment
	ContainerName string
}

// NetworkDetail is a network with the containers on it.
type NetworkDetail struct {
	Network
	Holders []Holder
}
