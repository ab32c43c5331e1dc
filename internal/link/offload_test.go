package link

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestChecksumOffloadFollowsTheLink(t *testing.T) {
	h, other := mustNamespace(t), mustNamespace(t)
	pair := Veth{Name: "near", Peer: "far"}
	whole := func(want bool) {
		t.Helper()
		if has, err := h.HasVeth(pair); err != nil || has != want {
			t.Errorf("HasVeth: %t, %v; want %t", has, err, want)
		}
	}
	whole(false)
	must(t, h.EnsureVeth(pair))
	whole(true)
	read := func(in *Handle, want bool) {
		t.Helper()
		if on, err := in.TxChecksum("far"); err != nil || on != want {
			t.Errorf("offload %t, %v; want %t", on, err, want)
		}
	}
	read(h, true)
	for range 2 {
		must(t, h.SetTxChecksum("far", false))
		read(h, false)
	}
	must(t, h.with("far", func(l netlink.Link) error { return h.nl.LinkSetNsFd(l, other.FD()) }))
	read(other, false)
	whole(false)
	must(t, other.SetTxChecksum("far", true))
	read(other, true)
	for _, name := range []string{"none", "a name that is longer than any"} {
		if err := h.SetTxChecksum(name, false); !errors.Is(err, unix.ENODEV) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
