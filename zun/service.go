package zun

import "time"

// BinaryCompute is the only Service.Binary there is: what Zun calls the service that runs
// containers on a host.
const BinaryCompute = "zun-compute"

// Service is the agent of a host as operators see it: when it was heard of, and what they
// said about it. A Host is what the machine is; it stays when its service is deleted.
type Service struct {
	ID               int64
	Host             string
	Binary           string
	AvailabilityZone string
	Disabled         bool // gets no new containers
	DisabledReason   string
	ForcedDown       bool      // counts as down whatever is heard of it
	LastSeen         time.Time // zero: never
	ReportCount      int64     // how often it was heard of
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// ServiceDetail is a service with what the control side thinks of it just now.
type ServiceDetail struct {
	Service
	Up bool // heard of lately, nothing wrong with it, and not forced down
}

// ServiceChange is what an operator says about a service; nil keeps what is recorded.
type ServiceChange struct {
	Disabled       *bool
	DisabledReason string // with Disabled
	ForcedDown     *bool
}
