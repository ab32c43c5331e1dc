// Package kuryr tells Docker's network and address verbs in Neutron words: a Docker network
// is a Neutron network with its subnets, an address pool is a subnetpool or a subnet, an
// endpoint is a port that is plugged into this host.
//
// It must not know HTTP (libnetwork does), Docker's API (no verb ever calls back, dockerd
// holds locks while it waits), gophercloud or netlink. What it knows of an endpoint is in
// its own records, written before Neutron is asked to make anything, so that a crash at
// any point leaves nothing that a restart does not find.
//
// # Records
//
// A pool record stands for one subnet that Docker networks use; Docker knows it by its id.
// The id is the uuid of the Neutron subnetpool, as the Python plugin has it. When the
// subnet has no subnetpool, or the subnetpool's uuid already stands for another of its
// subnets, the id is the uuid of the subnet, which no other subnet has either; a new
// subnet out of a subnetpool whose uuid is taken gets a fresh uuid, which the subnet
// carries as a tag.
//
// A claim is what one endpoint holds: its addresses and its port. RequestAddress begins
// it, CreateEndpoint plugs it, ReleaseAddress ends it. What is owed to Neutron when a verb
// has answered, a port's name and tags or a deletion that failed, is part of the record,
// and Run works it off.
package kuryr
