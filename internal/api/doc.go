// Package api speaks Zun's REST API: it turns HTTP requests into calls of the use cases
// and their answers into Zun's JSON, microversion by microversion.
//
// It must not know SQL, Docker, Neutron or how a use case is done; it knows the words
// of package zun, asks package policy, and calls the Control interface that it declares.
package api
