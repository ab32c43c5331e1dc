// Package store keeps the records of the control side in SQL, through bun.
//
// Only SQLite is spoken so far; what differs between databases is in sqlite.go, and prepared.go
// is for SQLite alone. Rows are this package's own and never leave it. It must not know the rules about what it keeps.
package store
