package main

import (
	"net/netip"
	"testing"
)

func mustTake(t *testing.T, a *addresses) netip.Addr {
	t.Helper()
	prefix, err := a.take()
	if err != nil {
		t.Fatal(err)
	}
	if prefix.Bits() != a.subnet.Bits() {
		t.Fatalf("took %s of %s", prefix, a.subnet)
	}
	return prefix.Addr()
}

// A run has more containers than a subnet addresses, one after the other.
func TestAddressesAreGivenAgain(t *testing.T) {
	a := newAddresses(netip.MustParsePrefix("10.232.7.0/24"), netip.MustParseAddr("10.232.7.1"))
	for i := range 1000 {
		ip := mustTake(t, a)
		if !a.subnet.Contains(ip) || ip == netip.MustParseAddr("10.232.7.255") || ip == netip.MustParseAddr("10.232.7.1") {
			t.Fatalf("container %d got %s", i, ip)
		}
		a.release(ip)
	}
}

// Nobody has an address that another has, and a subnet that is full says so.
func TestAddressesAreHadByOne(t *testing.T) {
	a := newAddresses(netip.MustParsePrefix("10.232.7.0/28"), netip.MustParseAddr("10.232.7.1"))
	had := map[netip.Addr]bool{}
	for range 13 { // all but the network's, the gateway's and the last
		ip := mustTake(t, a)
		if had[ip] {
			t.Fatalf("%s was given twice", ip)
		}
		had[ip] = true
	}
	if ip, err := a.take(); err == nil {
		t.Fatalf("a full subnet gave %s", ip)
	}
	first := netip.MustParseAddr("10.232.7.2")
	for range 2 { // Docker may say it twice
		a.release(first)
	}
	a.release(netip.MustParseAddr("10.232.7.1")) // and of the gateway, which was never taken
	if ip := mustTake(t, a); ip != first {
		t.Fatalf("got %s, want %s", ip, first)
	}
	if ip, err := a.take(); err == nil {
		t.Fatalf("%s was given twice", ip)
	}
}
