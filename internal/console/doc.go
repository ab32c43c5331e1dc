// Package console is the websocket proxy that users' consoles speak to: what Zun's
// zun-wsproxy is, with the same URLs, subprotocols and checks.
//
// It is the service's only importer of the websocket library. It must not know policy,
// records or hosts: whoever brings a ticket that can be opened gets the stream behind it.
package console
