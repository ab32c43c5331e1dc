// Package cli is the command line: the commands of zun, and those of neutron that come
// before them.
//
// It is the only importer of cobra, go-pretty and x/term. It must not know how the
// service does its work: it speaks to it through package client alone, and to Keystone
// and Neutron through their adapters.
package cli
