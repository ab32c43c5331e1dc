// Package check finds out what is wrong with a host that runs the plugin, and says what to
// do about it.
//
// It must not know how anything is looked at: sockets, Docker, Neutron and the kernel are
// behind small interfaces. It changes nothing.
package check
