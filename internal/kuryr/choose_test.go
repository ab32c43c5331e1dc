package kuryr

import (
	"net/netip"
	"testing"
)

func TestFreePart(t *testing.T) {
	list := func(texts ...string) (prefixes []netip.Prefix) {
		for _, text := range texts {
			prefixes = append(prefixes, netip.MustParsePrefix(text))
		}
		return prefixes
	}
	for _, test := range []struct {
		of   []netip.Prefix
		bits int
		v6   bool
		used []netip.Prefix
		want string
	}{
		{list("10.10.0.0/16"), 24, false, nil, "10.10.0.0/24"},
		{list("10.10.0.0/16"), 24, false, list("10.10.0.0/24", "10.10.1.128/25"), "10.10.2.0/24"},
		{list("10.10.0.0/16"), 24, false, list("10.10.0.0/17"), "10.10.128.0/24"},
		{list("10.10.0.0/24"), 24, false, list("10.10.0.8/29"), "invalid Prefix"},
		{list("10.10.0.0/24"), 16, false, nil, "invalid Prefix"},
		{list("10.10.0.0/24", "10.12.0.0/24"), 24, false, list("10.10.0.0/24"), "10.12.0.0/24"},
		{list("255.255.255.0/24"), 25, false, list("255.255.255.0/25", "255.255.255.128/25"), "invalid Prefix"},
		{list("fd00::/48"), 64, true, list("fd00::/64"), "fd00:0:0:1::/64"},
		{list("10.10.0.0/16", "fd00::/48"), 64, true, nil, "fd00::/64"},
		{list("10.10.0.0/16"), 0, false, nil, "invalid Prefix"},
	} {
		if got := freePart(test.of, test.bits, test.v6, test.used); got.String() != test.want {
			t.Errorf("/%d of %v less %v is %s, want %s", test.bits, test.of, test.used, got, test.want)
		}
	}
}
