// Package zun is the vocabulary of gozun: containers, networks, attachments, actions,
// their states and rules, and the one error type.
//
// It imports the standard library only. It must not know HTTP, SQL, Docker, netlink or
// any package of this module; everything else in the module may import it.
package zun
