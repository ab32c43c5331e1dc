// Package client speaks the container service's REST API: typed calls for containers,
// networks, actions, hosts, services and quotas, with microversion negotiation and errors of the vocabulary's type.
//
// It works against gozun (microversion 1.41) and against an upstream Zun (up to 1.40),
// where calls on networks of one's own fail with CodeNotAcceptable and say why. It must
// not know how a token is obtained, command lines, or any package of this module but zun.
package client
