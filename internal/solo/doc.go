// Package solo is the whole service in one process: minicloud (or an existing Keystone and
// Neutron), the API, the control side, the node and the Docker plugin.
//
// It wires rooms together and must not hold a rule of any of them.
package solo
