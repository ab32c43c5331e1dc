package node

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gozun/gozun/zun"
)

func compareNetip(a, b netip.Addr) bool { return a == b }

func TestFixedIPs(t *testing.T) {
	subnet := func(id, cidr string) zun.Subnet { return zun.Subnet{ID: id, CIDR: netip.MustParsePrefix(cidr)} }
	four, more, six := subnet("four", "10.1.0.0/24"), subnet("more", "10.2.0.0/24"), subnet("six", "fd00::/64")
	ip := netip.MustParseAddr
	for name, c := range map[string]struct {
		attachment zun.Attachment
		subnets    []zun.Subnet
		want       []zun.Address
	}{
		"one of each family": {zun.Attachment{}, []zun.Subnet{four, more, six}, []zun.Address{{SubnetID: "four"}, {SubnetID: "six"}}},
		"IPv6 only":          {zun.Attachment{}, []zun.Subnet{six}, []zun.Address{{SubnetID: "six"}}},
		"asked for": {
			zun.Attachment{RequestedIPv4: ip("10.2.0.9"), RequestedIPv6: ip("fd00::9")},
			[]zun.Subnet{four, more, six},
			[]zun.Address{{IP: ip("10.2.0.9"), SubnetID: "more"}, {IP: ip("fd00::9"), SubnetID: "six"}},
		},
		"one asked for": {
			zun.Attachment{RequestedIPv6: ip("fd00::9")},
			[]zun.Subnet{four, six},
			[]zun.Address{{IP: ip("fd00::9"), SubnetID: "six"}, {SubnetID: "four"}},
		},
		"outside: Neutron will say so": {zun.Attachment{RequestedIPv4: ip("192.0.2.1")}, []zun.Subnet{four}, []zun.Address{{IP: ip("192.0.2.1")}}},
		"subnets not known":            {zun.Attachment{}, nil, nil},
	} {
		if diff := cmp.Diff(c.want, fixedIPs(c.attachment, c.subnets), cmp.Comparer(compareNetip)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// TestOnlyOursIsDeleted: whatever ports carry the container's UUID, those that the record
// says are the user's are never held for ours.
func TestOnlyOursIsDeleted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SampledFrom([]string{"a", "b", "c", ""})
		task := &task{order: zun.Order{Container: zun.Container{ID: "c1"}}}
		for range rapid.IntRange(0, 3).Draw(t, "attachments") {
			task.order.Attachments = append(task.order.Attachments, zun.Attachment{RequestedPort: ids.Draw(t, "requested")})
		}
		port := zun.Port{
			ID: ids.Draw(t, "port"), DeviceID: rapid.SampledFrom([]string{"c1", "c2", ""}).Draw(t, "device"),
			DeviceOwner: rapid.SampledFrom([]string{zun.DeviceOwner, "compute:nova", ""}).Draw(t, "owner"),
		}
		if !task.ours(port) {
			return
		}
		if port.DeviceID != "c1" || port.DeviceOwner != zun.DeviceOwner {
			t.Fatalf("%+v is held for ours", port)
		}
		for _, attachment := range task.order.Attachments {
			if attachment.RequestedPort == port.ID {
				t.Fatalf("the user's port %+v is held for ours", port)
			}
		}
	})
}
