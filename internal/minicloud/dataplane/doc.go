// Package dataplane makes this host's Linux carry what minicloud's Neutron promises:
// bridges, gateways, ways out and in, security groups; docs/dataplane.md draws it.
//
// It must not know HTTP, storage, Docker's API or how a container gets its tap: it learns
// what is wanted from a minicloud.Source and what is there from the kernel. It is the only
// importer of google/nftables.
package dataplane
