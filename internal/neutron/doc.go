// Package neutron speaks the networking API v2.0 in the words of package zun: it finds,
// makes, changes and deletes networks, subnets, subnetpools, ports and tags.
//
// With internal/keystone it is the only importer of gophercloud, and the only room that
// knows Neutron's JSON. It must not know containers, Docker or whose request it serves,
// and it decides nothing: no default, no retry beyond a renewed login.
package neutron
