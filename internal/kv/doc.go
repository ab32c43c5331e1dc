// Package kv keeps small records in one file: each change is on disk before it is answered,
// or, where the caller can do without, a moment later.
// It is the only importer of bbolt and must not know what the records mean.
package kv
