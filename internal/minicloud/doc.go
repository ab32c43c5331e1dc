// Package minicloud says what the embedded Neutron wants of the Linux under it: the words
// that its network service and its data plane share.
//
// It must not know HTTP, storage or netlink; its sub-packages identity, network and
// dataplane do the work.
package minicloud
