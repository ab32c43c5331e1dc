// Package node is the agent of one host: it takes the actions that the control side gives
// out, does them with Docker and Neutron ports, tells what happened, and brings back what
// a crash, a restarted daemon or a rebooted host took down.
//
// It must not know HTTP, SQL, the Docker client's types (node/docker has them) or the
// network plugin: it meets the plugin only through Docker networks and Neutron ports.
package node
