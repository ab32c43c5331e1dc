package kuryr

import (
	"context"
	"time"

	"github.com/gozun/gozun/zun"
)

// clearTwin removes a port of ours that has the claim's MAC and that nobody uses: a crash cut
// off a request of Docker's, which now repeats it. It reports whether the MAC is free now;
// if not, Neutron's refusal tells the user more than an error of ours would.
func (d *Driver) clearTwin(ctx context.Context, c claim) bool {
	found, err := d.Neutron.FindPorts(ctx, zun.NeutronQuery{NetworkID: c.NetworkID, MAC: c.MAC})
	if err != nil || len(found) != 1 {
		return err == nil && len(found) == 0 // Run was quicker
	}
	twin := found[0]
	if holdingOf(twin) != holdingMade || twin.Host != d.Host || twin.DeviceOwner != zun.DeviceOwner {
		return false
	}
	v, err := d.inventory(ctx)
	if err != nil || v.live(twin.ID) {
		return false
	}
	for _, other := range v.claims {
		if other.Port.ID != twin.ID && other.Port.DeviceID != twin.DeviceID {
			continue
		}
		return d.endTwin(ctx, other)
	}
	return d.Neutron.DeletePort(ctx, twin.ID) == nil
}

// endTwin ends the claim of a twin, unless somebody works on it or has it.
func (d *Driver) endTwin(ctx context.Context, c claim) bool {
	const enough = 3 * time.Second // Run may be at it
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	unlock, err := d.lockClaim(ctx, c.ID)
	if err != nil {
		return false
	}
	defer unlock()
	now, found, err := get(d, claims, c.ID)
	if err != nil || found && (now.EndpointID != "" || now.Port.Stage == stageReady) {
		return false
	}
	return d.settleClaim(ctx, c.ID) == nil
}
