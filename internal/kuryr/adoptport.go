package kuryr

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// holdingOf tells by what right a port without a claim is ours, from what the Python
// plugin and we leave on ports. The tag of ports of our own wins.
func holdingOf(p zun.Port) holding {
	switch {
	case slices.Contains(p.Tags, tagOwnPort),
		len(p.Tags) == 0 && p.DeviceID != "" && p.Name == portName(p.DeviceID),
		strings.HasPrefix(p.Name, unboundPortName) && !slices.Contains(p.Tags, tagExistingPort):
		return holdingMade
	case slices.Contains(p.Tags, tagExistingPort),
		// Taken a moment ago; its tags were still owed.
		p.DeviceOwner == zun.DeviceOwner && endpointID(p.DeviceID):
		return holdingTaken
	}
	return holdingHanded
}

// endpointID reports whether a device_id is the id of a Docker endpoint; nobody but a Docker
// plugin has such.
func endpointID(device string) bool {
	const digits = 64
	return len(device) == digits && strings.Trim(device, "0123456789abcdef") == ""
}

// adoptedClaim rebuilds the claim of a port.
func (d *Driver) adoptedClaim(tx *kv.Tx, p zun.Port, endpoint string) (claim, error) {
	c := claim{ID: d.NewID(), MAC: p.MAC, NetworkID: p.NetworkID, EndpointID: endpoint, Named: true, Adopted: true, At: d.Now().UTC()}
	c.Reserved = p.Name == reservedName
	c.Port = port{Holding: holdingOf(p), Stage: stageReady, ID: p.ID, DeviceID: p.DeviceID}
	c.know(p)
	if c.Port.Holding == holdingTaken {
		c.Port.Before = beforeOf(p)
		c.Port.Before.Host, c.Port.Before.DeviceOwner = "", ""
		c.Port.Before.Set = zun.PortChange{Host: &d.Host, DeviceOwner: &p.DeviceOwner}
		if endpointID(p.DeviceID) {
			c.Port.Before.DeviceID, c.Port.Before.Set.DeviceID = "", &p.DeviceID
		}
		c.Port.Tagged = slices.DeleteFunc(slices.Clone(p.Tags), func(tag string) bool {
			return tag != tagExistingPort && !strings.HasPrefix(tag, tagLower) && !strings.HasPrefix(tag, tagUpper)
		})
	}
	all, err := pools.All(tx)
	for _, a := range p.FixedIPs {
		for _, q := range poolsOf(all, zun.NeutronSubnet{ID: a.SubnetID}) {
			c.Addresses = append(c.Addresses, held{PoolID: q.ID, SubnetID: a.SubnetID, IP: a.IP, Bits: q.CIDR.Bits()})
		}
	}
	return c, err
}

// adoptEndpoint rebuilds an endpoint's record from its port. The caller holds its lock.
func (d *Driver) adoptEndpoint(ctx context.Context, networkID, endpointID string) (e endpoint, found bool, err error) {
	n, err := d.knownNetwork(ctx, networkID)
	if err != nil {
		if zun.CodeOf(err) == zun.CodeNetworkNotFound {
			err = nil
		}
		return e, false, err
	}
	p, err := d.portOfEndpoint(ctx, n, endpointID)
	if err != nil || p == nil {
		return e, false, err
	}
	exposed, err := d.exposureOf(ctx, *p)
	if err != nil {
		return e, false, err
	}
	e = endpoint{ID: endpointID, NetworkID: networkID, Plugged: true, Joined: true, At: d.Now().UTC()}
	err = d.update(func(tx *kv.Tx) error {
		c, known, err := claimOfPort(tx, p.ID)
		if err != nil {
			return err
		}
		if known && (c.Port.Stage == stageRemoving || c.EndpointID != "" && c.EndpointID != endpointID) {
			return nil
		}
		if !known {
			if c, err = d.adoptedClaim(tx, *p, endpointID); err != nil {
				return err
			}
			c.Exposed = exposed
		}
		c.EndpointID, e.ClaimID, found = endpointID, c.ID, true
		if err := putClaim(tx, c); err != nil {
			return err
		}
		return endpoints.Put(tx, e.ID, e)
	})
	if found && err == nil {
		d.Log.Info("adopted an endpoint", "endpoint", endpointID, "port", p.ID)
	}
	return e, found && err == nil, err
}

// portOfEndpoint finds an endpoint's port by its tags, its name or its device.
func (d *Driver) portOfEndpoint(ctx context.Context, n network, endpointID string) (*zun.Port, error) {
	for _, q := range []zun.NeutronQuery{{Tags: idTags(endpointID)}, {Name: portName(endpointID)}, {DeviceID: endpointID}} {
		q.NetworkID = n.NeutronID
		found, err := d.Neutron.FindPorts(ctx, q)
		if err != nil {
			return nil, err
		}
		if len(found) > 1 {
			return nil, zun.Errorf(zun.CodeConflict, "endpoint %s is not known to this host's plugin, and ports %s and %s may be its; delete one", endpointID, found[0].ID, found[1].ID)
		}
		if len(found) == 1 {
			return &found[0], nil
		}
	}
	return nil, nil
}

func claimOfPort(tx *kv.Tx, portID string) (claim, bool, error) {
	all, err := claims.All(tx)
	for _, c := range all {
		if c.Port.ID == portID {
			return c, true, err
		}
	}
	return claim{}, false, err
}

// adoptAddress rebuilds the claim that has an address which Docker releases, and returns
// its id; "" if there is none, or it is none of this host's.
func (d *Driver) adoptAddress(ctx context.Context, poolID string, ip netip.Addr) (id string, err error) {
	p, found, err := d.knownPool(ctx, poolID, ip)
	if err != nil || !found || !p.Adopted || ip == p.Subnet.Gateway {
		return "", err
	}
	ports, err := d.Neutron.FindPorts(ctx, zun.NeutronQuery{SubnetID: p.Subnet.ID, IP: ip})
	if err != nil || len(ports) != 1 {
		return "", err
	}
	port := ports[0]
	exposed, err := d.exposureOf(ctx, port)
	if err != nil {
		return "", err
	}
	err = d.update(func(tx *kv.Tx) error {
		c, known, err := claimOfPort(tx, port.ID)
		if err != nil {
			return err
		}
		if known {
			id = c.ID
			return nil
		}
		if port.Host != "" && port.Host != d.Host || holdingOf(port) == holdingHanded {
			return nil
		}
		c, err = d.adoptedClaim(tx, port, "")
		if err != nil {
			return err
		}
		id, c.Exposed = c.ID, exposed
		return putClaim(tx, c)
	})
	return id, err
}

// inherit gives a claim a port of ours that no claim has: its record was lost, or the
// Python plugin or a Swarm manager made it for an endpoint to come.
func (d *Driver) inherit(ctx context.Context, c *claim, p zun.Port) error {
	if err := d.mayInherit(*c, p); err != nil {
		return err
	}
	a, err := d.resolve(ctx, c.Wishes, p.ProjectID)
	if err != nil {
		return err
	}
	c.Port = port{Holding: holdingMade, Stage: stageReady, ID: p.ID, DeviceID: p.DeviceID}
	c.OwesName = c.EndpointID != ""
	c.know(p)
	if err := settle(c, p); err != nil {
		return err
	}
	if err := d.later(func(tx *kv.Tx) error { return claims.Put(tx, c.ID, *c) }); err != nil {
		return err
	}
	if change := d.changeFor(*c, p, a); change != nil {
		change.IfRevision, change.Name = &p.Revision, nil // the name is owed, with the tags that go before it
		bound, err := d.rebind(ctx, p, *change)
		if err != nil {
			return err
		}
		c.know(bound)
	}
	return d.later(func(tx *kv.Tx) error { return putClaim(tx, *c) })
}

// mayInherit refuses a port that serves another endpoint.
func (d *Driver) mayInherit(c claim, p zun.Port) error {
	others := slices.ContainsFunc(p.Tags, func(tag string) bool {
		return (strings.HasPrefix(tag, tagLower) || strings.HasPrefix(tag, tagUpper)) && !slices.Contains(idTags(c.EndpointID), tag)
	})
	elsewhere := p.Host != "" && p.Host != d.Host
	busy := p.Host != "" && c.MAC != "" && !strings.EqualFold(c.MAC, p.MAC) || p.DeviceOwner != "" && p.DeviceOwner != zun.DeviceOwner
	if others || elsewhere || busy || p.Name == reservedName || c.EndpointID == "" {
		return zun.Errorf(zun.CodePortInUse, "port %s (device %q, host %q, name %q) of another endpoint has this address; choose another", p.ID, p.DeviceID, p.Host, p.Name)
	}
	return nil
}
