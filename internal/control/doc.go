// Package control holds the use cases of the service: may you, what do the names mean,
// record it, hand it to a node, and follow what the node reports.
//
// Everything a user orders on a container is an action row first; the rows are the queue.
// It must not know HTTP, SQL, Docker or how Neutron is spoken to.
package control
