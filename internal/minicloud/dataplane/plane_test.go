package dataplane

import (
	"testing"

	"github.com/gozun/gozun/internal/minicloud"
)

func TestMembersOfADefaultGroupReachEachOtherAndOthersDoNot(t *testing.T) {
	h := newHost(t)
	friends, strangers := defaultGroup(), defaultGroup()
	a, b, c := port(1, 5, friends.ID), port(2, 6, friends.ID), port(3, 7, strangers.ID)
	n := dualNetwork(1, a, b, c)
	h.run(minicloud.Desired{Networks: []minicloud.Network{n}, Groups: []minicloud.SecurityGroup{friends, strangers}})
	ca, cb, cc := h.plug(n, a), h.plug(n, b), h.plug(n, c)
	for _, ip := range b.IPs {
		mustPing(t, ca.Handle, ip)
		mustNotPing(t, cc.Handle, ip)
	}
	listen(t, cb.Handle, at("::", 80))
	mustDial(t, ca.Handle, at("10.2.0.6", 80))
	mustDial(t, ca.Handle, at("fd02::6", 80))
	mustNotDial(t, cc.Handle, at("10.2.0.6", 80))
	mustNotDial(t, cc.Handle, at("fd02::6", 80))
}
