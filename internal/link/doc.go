// Package link makes, finds, changes, watches and removes Linux network links, their
// addresses and routes, and network namespaces.
//
// It must not know what a link is for: no Neutron, no Docker, no naming scheme. It is the
// only importer of vishvananda/netlink and netns.
package link
