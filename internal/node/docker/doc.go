// Package docker is Docker for the agent, in three layers: spec.go and the files beside it
// that have no context turn our words into Docker's (pure), calls.go makes bare calls, and
// the files named for a noun hold the verbs, each of which may be repeated.
//
// It is the only importer of the Docker client, and must not know Neutron, actions or
// what a container's record says.
package docker
