// Package network is the embedded Neutron: the Networking API v2.0 over records in memory,
// each change on disk before it is answered.
//
// It must not know netlink, nftables, Docker or how the host realises what it keeps; the
// data plane reads that through minicloud.Source.
package network
