// Package kv keeps small records in one file, each change on disk before it is answered.
// It is the only importer of bbolt and must not know what the records mean.
package kv
