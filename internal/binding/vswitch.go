package binding

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gozun/gozun/internal/ovsdb"
	"github.com/gozun/gozun/zun"
)

const (
	// wiredWithin is how long ovs-vswitchd may take to open a device: it takes milliseconds.
	wiredWithin = 5 * time.Second
	// settledWithin is how long a removal waits for ovs-vswitchd. It may be down: then it
	// holds on to no device either.
	settledWithin = 2 * time.Second
)

// vswitch is Open vSwitch as its database tells.
type vswitch struct {
	db     *ovsdb.Conn
	socket string
}

func openSwitch(ctx context.Context, socket string) (*vswitch, error) {
	db, err := ovsdb.Dial(ctx, socket, "Open_vSwitch")
	if err != nil {
		return nil, zun.Errorf(zun.CodeUnavailable,
			"Open vSwitch's database at %s does not answer: %w; does ovsdb-server run, and does OVS_RUNDIR name its directory if that is not the usual one?", socket, err)
	}
	return &vswitch{db, socket}, nil
}

func (s *vswitch) close() { s.db.Close() }

// transact tells a switch that refuses from one that does not answer.
func (s *vswitch) transact(operations ...ovsdb.Operation) ([]ovsdb.Result, error) {
	results, err := s.db.Transact(operations...)
	if err == nil || errors.As(err, new(*ovsdb.Error)) {
		return results, err
	}
	return nil, zun.Errorf(zun.CodeUnavailable, "Open vSwitch's database at %s does not answer: %w", s.socket, err)
}

// occupant is an interface that has the name or the iface-id that a plug wants.
type occupant struct {
	id       ovsdb.UUID
	name     string
	device   bool // it stands for a link of this host
	ids      map[string]string
	onBridge bool // the wanted one
}

// view is what a plug needs to know of the switch before it begins.
type view struct {
	bridge    ovsdb.UUID
	userspace bool // the bridge's packets are handled by ovs-vswitchd, not by the kernel
	finishes  bool // …which is able to finish checksums (userspace-tso-enable)
	root      ovsdb.Row
	occupants []occupant
	keep      bool // the interface is there and right, but for its external_ids
}

var interfaceColumns = []string{"_uuid", "name", "type", "external_ids"}

func (s *vswitch) look(bridge, name, portID string) (view, error) {
	r, err := s.transact(
		ovsdb.Select("Open_vSwitch", []string{"other_config", "next_cfg", "cur_cfg"}),
		ovsdb.Select("Bridge", []string{"_uuid", "datapath_type"}, ovsdb.Equal("name", bridge)),
		ovsdb.Select("Interface", interfaceColumns, ovsdb.Equal("name", name)),
		ovsdb.Select("Interface", interfaceColumns, ovsdb.Includes("external_ids", ovsdb.Map{"iface-id": portID})),
	)
	if err != nil {
		return view{}, err
	}
	if len(r[1].Rows) == 0 {
		return view{}, zun.Errorf(zun.CodePortBindingFailed,
			"Open vSwitch at %s has no bridge %q; Neutron's agent or ovn-controller makes it: does it run on this host?", s.socket, bridge)
	}
	v := view{bridge: r[1].Rows[0].ID(), userspace: r[1].Rows[0].String("datapath_type") == "netdev"}
	for _, root := range r[0].Rows {
		v.root, v.finishes = root, root.Map("other_config")["userspace-tso-enable"] == "true"
	}
	for _, row := range append(r[2].Rows, r[3].Rows...) {
		if slices.ContainsFunc(v.occupants, func(o occupant) bool { return o.id == row.ID() }) {
			continue
		}
		o := occupant{id: row.ID(), name: row.String("name"), ids: row.Map("external_ids")}
		o.device = row.String("type") == "" || row.String("type") == "system"
		if o.onBridge, err = s.isOn(o.id, v.bridge); err != nil {
			return view{}, err
		}
		v.occupants = append(v.occupants, o)
	}
	return v, nil
}

// isOn tells whether the interface is on the bridge.
func (s *vswitch) isOn(id, bridge ovsdb.UUID) (bool, error) {
	ports, err := s.portsOf(id)
	if err != nil || len(ports) == 0 {
		return false, err
	}
	r, err := s.transact(ovsdb.Select("Bridge", []string{"_uuid"},
		ovsdb.Equal("_uuid", bridge), ovsdb.Includes("ports", ovsdb.Set{ports[0]})))
	return err == nil && len(r[0].Rows) > 0, err
}

// portsOf returns the ports, one, that the interface is of.
func (s *vswitch) portsOf(id ovsdb.UUID) ([]ovsdb.UUID, error) {
	r, err := s.transact(ovsdb.Select("Port", []string{"_uuid"}, ovsdb.Includes("interfaces", ovsdb.Set{id})))
	if err != nil {
		return nil, err
	}
	var ports []ovsdb.UUID
	for _, row := range r[0].Rows {
		ports = append(ports, row.ID())
	}
	return ports, nil
}

// judge decides over those who are where the plug wants to be: kept if all of it is right,
// old if it is ours or its device is gone, and otherwise the plug is refused.
func (v *view) judge(what Binding, whole bool, exists func(link string) (bool, error)) (old []occupant, err error) {
	for _, o := range v.occupants {
		ours := o.ids["iface-id"] == what.PortID && o.ids["owner"] == owner
		if ours && o.name == what.ovsInterface() && o.onBridge && whole {
			v.keep = true
			continue
		}
		lives := true
		if o.device && !ours {
			if lives, err = exists(o.name); err != nil {
				return nil, err
			}
		}
		if !ours && lives {
			return nil, zun.Errorf(zun.CodePortInUse,
				"Open vSwitch has interface %s (iface-id %q), which is not ours, in its place; if nothing uses it: ovs-vsctl del-port %s", o.name, o.ids["iface-id"], o.name)
		}
		old = append(old, o)
	}
	return old, nil
}

// bareChecksums tells whether the switch hands on packets whose checksums nobody finished.
func (v *view) bareChecksums(what Binding) bool {
	return (v.userspace || what.VIFDetails["datapath_type"] == "netdev") && !v.finishes
}

// put has the interface on the bridge with these external_ids: in one transaction, so that
// who watches the database never sees half a port. there: it is on it already.
func (s *vswitch) put(bridge, name string, ids map[string]string, there bool) error {
	operations := s.adding(bridge, name, ids)
	if there {
		keys := make(ovsdb.Set, 0, len(ids))
		for key := range ids {
			keys = append(keys, key)
		}
		operations = []ovsdb.Operation{
			ovsdb.Wait("Interface", "name", "==", name, 0, ovsdb.Equal("name", name)),
			ovsdb.Mutate("Interface", []ovsdb.Mutation{
				ovsdb.Remove("external_ids", keys), ovsdb.Add("external_ids", ovsdb.Map(ids)),
			}, ovsdb.Equal("name", name)),
		}
	}
	_, err := s.transact(operations...)
	switch {
	case ovsdb.IsKind(err, ovsdb.KindTimedOut):
		return zun.Wrap(zun.CodePortBindingFailed, err, "bridge %q of Open vSwitch, or interface %s on it, went away meanwhile; try again", bridge, name)
	case ovsdb.IsKind(err, ovsdb.KindConstraint):
		return zun.Errorf(zun.CodePortInUse, "another has added interface %s to Open vSwitch meanwhile: %w", name, err)
	}
	return err
}

func (s *vswitch) adding(bridge, name string, ids map[string]string) []ovsdb.Operation {
	return []ovsdb.Operation{
		ovsdb.Wait("Bridge", "name", "==", bridge, 0, ovsdb.Equal("name", bridge)),
		ovsdb.Insert("Interface", map[string]any{"name": name, "external_ids": ovsdb.Map(ids)}, "interface"),
		ovsdb.Insert("Port", map[string]any{"name": name, "interfaces": ovsdb.NamedUUID("interface")}, "port"),
		ovsdb.Mutate("Bridge", []ovsdb.Mutation{ovsdb.Add("ports", ovsdb.NamedUUID("port"))}, ovsdb.Equal("name", bridge)),
	}
}

// wired waits until ovs-vswitchd has taken the interface, and tells if it could not.
func (s *vswitch) wired(name string) error {
	r, err := s.transact(
		ovsdb.Wait("Interface", "ofport", "!=", ovsdb.Set{}, wiredWithin, ovsdb.Equal("name", name)),
		ovsdb.Select("Interface", []string{"ofport", "error"}, ovsdb.Equal("name", name)),
	)
	if ovsdb.IsKind(err, ovsdb.KindTimedOut) {
		return zun.Wrap(zun.CodeUnavailable, err,
			"Open vSwitch did not take interface %s within %s; does ovs-vswitchd run, and does it support the bridge's datapath?", name, wiredWithin)
	}
	if err != nil {
		return err
	}
	if len(r[1].Rows) == 0 {
		return zun.Errorf(zun.CodePortBindingFailed, "interface %s was taken off Open vSwitch meanwhile; try again", name)
	}
	if number, _ := r[1].Rows[0].Int("ofport"); number < 0 {
		return fmt.Errorf("cannot add interface %s to Open vSwitch: %s", name, r[1].Rows[0].String("error"))
	}
	return nil
}

// owned returns the interfaces that we, or the Python plugin, made for the port.
func (s *vswitch) owned(portID string) ([]occupant, error) {
	r, err := s.transact(ovsdb.Select("Interface", interfaceColumns,
		ovsdb.Includes("external_ids", ovsdb.Map{"iface-id": portID, "owner": owner})))
	if err != nil {
		return nil, err
	}
	var found []occupant
	for _, row := range r[0].Rows {
		found = append(found, occupant{id: row.ID(), name: row.String("name")})
	}
	return found, nil
}

// remove takes the interfaces off their bridges, all at once, and returns the switch's
// state for settle.
func (s *vswitch) remove(which []occupant) (ovsdb.Row, error) {
	var operations []ovsdb.Operation
	for _, o := range which {
		ports, err := s.portsOf(o.id)
		if err != nil {
			return nil, err
		}
		for _, port := range ports {
			operations = append(operations, ovsdb.Mutate("Bridge",
				[]ovsdb.Mutation{ovsdb.Remove("ports", ovsdb.Set{port})}, ovsdb.Includes("ports", ovsdb.Set{port})))
		}
	}
	operations = append(operations,
		ovsdb.Mutate("Open_vSwitch", []ovsdb.Mutation{ovsdb.Add("next_cfg", 1)}),
		ovsdb.Select("Open_vSwitch", []string{"next_cfg", "cur_cfg"}))
	r, err := s.transact(operations...)
	if err != nil || len(r[len(r)-1].Rows) == 0 {
		return nil, err
	}
	return r[len(r)-1].Rows[0], nil
}

// settle waits until ovs-vswitchd has done what the database asked for as of state, and so
// has let go of the devices of removed ports: one of the same name that came too soon would
// be taken for the old one and never get a packet. It tells whether that is so.
func (s *vswitch) settle(state ovsdb.Row, within time.Duration) (bool, error) {
	goal, _ := state.Int("next_cfg")
	deadline := time.Now().Add(within)
	for {
		now, _ := state.Int("cur_cfg")
		left := time.Until(deadline)
		if now >= goal || left <= 0 {
			return now >= goal, nil
		}
		r, err := s.transact(
			ovsdb.Wait("Open_vSwitch", "cur_cfg", "!=", now, left),
			ovsdb.Select("Open_vSwitch", []string{"cur_cfg"}),
		)
		if ovsdb.IsKind(err, ovsdb.KindTimedOut) {
			return false, nil
		}
		if err != nil || len(r[1].Rows) == 0 {
			return false, err
		}
		state = r[1].Rows[0]
	}
}

// ready settles what a plug builds on.
func (s *vswitch) ready(state ovsdb.Row) error {
	settled, err := s.settle(state, wiredWithin)
	if err == nil && !settled {
		err = zun.Errorf(zun.CodeUnavailable, "Open vSwitch did not do what its database says within %s; does ovs-vswitchd run?", wiredWithin)
	}
	return err
}
