// Package policy decides who may do what, by rules written as oslo.policy writes them.
//
// It knows identities and rules. It must not know HTTP, the database or what a rule's
// name is used for.
package policy
