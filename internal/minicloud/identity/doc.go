// Package identity is the embedded Keystone: identity API v3 over HTTP, as OpenStack's
// own clients speak it, and the validation of tokens in process.
//
// It must not know networks, containers or who serves its handler. Its state is in memory
// and every change is in the kv file before it is answered.
package identity
