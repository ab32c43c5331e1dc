// Package libnetwork speaks Docker's remote network and IPAM driver protocol, version 1,
// over a unix socket and tells package kuryr what was asked.
//
// It must not know Neutron or keep any state. What Docker 20.10 to 29 send and accept is
// told with each type; sources are moby's libnetwork/drivers/remote and ipams/remote.
package libnetwork
