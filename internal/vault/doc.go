// Package vault seals secrets that are kept at rest, with keys from a file.
//
// It must not know what the secrets are for, nor where the sealed texts are kept.
package vault
