// Package registry is a small image registry for tests: the part of the Docker Registry
// HTTP API v2 that docker pull and docker push use, and the search of v1, kept in memory, with a
// user and a password if wanted. Tests may make it slow, and see what it was asked.
//
// It must not know anything else of this module.
package registry
