// Package law holds the tests of who may import whom. It has no code of its own and must
// not import any room.
package law
