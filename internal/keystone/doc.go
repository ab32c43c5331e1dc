// Package keystone logs in to an OpenStack identity service, keeps the login fresh, finds
// services in its catalog, and tells whose a token is.
//
// With internal/neutron it is the only importer of gophercloud. It must not know what the
// tokens are used for: no policy, no HTTP serving, nothing of containers.
package keystone
