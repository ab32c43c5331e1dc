// Package scheduler chooses a host for a container, or explains why there is none.
//
// It is made of pure functions. It must not know where hosts come from or what is done
// with the choice.
package scheduler
