package binding

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/gozun/gozun/internal/ovsdb"
)

// OVSPort is an interface on Open vSwitch that we or the Python plugin made.
type OVSPort struct {
	PortID    string // Neutron's UUID
	DeviceID  string // of the endpoint, "" if it was not recorded
	Interface string
	Gone      bool // its device is not there: it only lives in the database
}

// OVSPorts returns all of those on this host, by name; none if the host has no Open
// vSwitch. What belongs to no endpoint any more is for Unplug, with VIFType "ovs".
func (b *Binder) OVSPorts(ctx context.Context) ([]OVSPort, error) {
	s, err := openSwitch(ctx, b.ovsdb)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer s.close()
	r, err := s.transact(ovsdb.Select("Interface", interfaceColumns, ovsdb.Includes("external_ids", ovsdb.Map{"owner": owner})))
	if err != nil {
		return nil, err
	}
	var ports []OVSPort
	for _, row := range r[0].Rows {
		ids := row.Map("external_ids")
		_, found, err := b.links.Find(row.String("name"))
		if err != nil {
			return nil, err
		}
		ports = append(ports, OVSPort{
			PortID: ids["iface-id"], DeviceID: cmp.Or(ids["vm-uuid"], ids["vm-id"]), Interface: row.String("name"), Gone: !found,
		})
	}
	slices.SortFunc(ports, func(a, b OVSPort) int { return cmp.Compare(a.Interface, b.Interface) })
	return ports, nil
}
