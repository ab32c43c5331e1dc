package network

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go4.org/netipx"
	"pgregory.net/rapid"
)

// TestAddressesAreNeverGivenTwice walks through allocation, by choice and by name, and
// release, against a plain set.
func TestAddressesAreNeverGivenTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cidr := rapid.SampledFrom([]string{"10.0.0.0/28", "255.255.255.240/28", "10.0.0.0/30", "10.0.0.0/31", "10.0.0.1/32", "fd00::/124", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124"}).Draw(t, "cidr")
		prefix := netip.MustParsePrefix(cidr)
		gateway := prefix.Addr().Next()
		if prefix.IsSingleIP() {
			gateway = netip.Addr{}
		}
		pools := defaultPools(prefix, gateway)
		a := newAddresses()
		a.reset(pools)
		held := map[netip.Addr]bool{}
		var size int
		for _, pool := range pools {
			for ip := pool.From(); ip.IsValid() && ip.Compare(pool.To()) <= 0; ip = ip.Next() {
				size++
			}
		}
		inPools := func(ip netip.Addr) bool {
			for _, pool := range pools {
				if pool.Contains(ip) {
					return true
				}
			}
			return false
		}
		countHeld := func() (n int) {
			for ip := range held {
				if inPools(ip) {
					n++
				}
			}
			return n
		}
		choose := func(t *rapid.T) netip.Addr {
			ip := prefix.Addr()
			for range rapid.IntRange(0, 15).Draw(t, "offset") {
				if next := ip.Next(); next.IsValid() && prefix.Contains(next) {
					ip = next
				}
			}
			return ip
		}
		t.Repeat(map[string]func(*rapid.T){
			"pick": func(t *rapid.T) {
				ip, ok := a.pick()
				if ok != (countHeld() < size) {
					t.Fatalf("pick says %v with %d of %d held", ok, countHeld(), size)
				}
				if !ok {
					return
				}
				if held[ip] || ip == gateway || !inPools(ip) {
					t.Fatalf("%s was given", ip)
				}
				if rapid.Bool().Draw(t, "take") {
					a.take(ip, "p")
					held[ip] = true
				} else {
					a.free(ip) // the request failed
				}
			},
			"take by name": func(t *rapid.T) {
				ip := choose(t)
				if !held[ip] {
					a.take(ip, "p")
					held[ip] = true
				}
			},
			"free": func(t *rapid.T) {
				ip := choose(t)
				if held[ip] {
					a.free(ip)
					delete(held, ip)
				}
			},
			"reset": func(*rapid.T) { a.reset(pools) },
		})
	})
}

func TestDefaultPools(t *testing.T) {
	for cidr, want := range map[string]string{
		"10.0.0.0/8":   "10.0.0.2-10.255.255.254",
		"10.0.0.0/30":  "10.0.0.2-10.0.0.2",
		"10.0.0.0/31":  "10.0.0.0-10.0.0.0",
		"fd00::/64":    "fd00::2-fd00::ffff:ffff:ffff:ffff",
		"10.0.0.64/26": "10.0.0.66-10.0.0.126",
	} {
		prefix := netip.MustParsePrefix(cidr)
		var got string
		for _, pool := range defaultPools(prefix, prefix.Addr().Next()) {
			got += pool.String()
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", cidr, diff)
		}
	}
}

func TestFreedAddressesRest(t *testing.T) {
	a := newAddresses()
	a.reset([]netipx.IPRange{netipx.MustParseIPRange("10.0.0.1-10.0.0.3")})
	first, _ := a.pick()
	a.take(first, "p")
	a.free(first)
	if next, _ := a.pick(); next == first {
		t.Errorf("%s was given again at once", next)
	}
}

func TestNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := newNumbers(5)
		held := map[int]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"pick": func(t *rapid.T) {
				number, err := n.pick()
				if (err == nil) != (len(held) < 5) || held[number] {
					t.Fatalf("picked %d, %v, with %v held", number, err, held)
				}
				if err == nil {
					n.take(number)
					held[number] = true
				}
			},
			"free": func(t *rapid.T) {
				number := rapid.IntRange(1, 5).Draw(t, "number")
				n.free(number)
				delete(held, number)
			},
		})
	})
}
