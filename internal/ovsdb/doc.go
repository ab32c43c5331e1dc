// Package ovsdb asks an ovsdb-server on this host to read and change its database, in one
// transaction a call (RFC 7047 over a unix socket).
//
// It must not know what the tables mean: no bridges, no ports.
package ovsdb
