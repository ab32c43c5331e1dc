package binding

import (
	"fmt"
	"net"
)

// plugTap is for vif_type "tap": there is no switch. Who routes, as Calico's agent, finds the
// tap by its name. vif_details may name the MAC of the tap itself, which is then the same on
// all hosts.
func plugTap(p *plugging) error {
	if err := p.pair(); err != nil {
		return err
	}
	own, _ := p.what.VIFDetails["mac_address"].(string)
	if own == "" {
		return nil
	}
	mac, err := net.ParseMAC(own)
	if err != nil {
		return fmt.Errorf("bad mac_address in vif_details: %w", err)
	}
	return p.step("tap MAC", func() error { return p.links.SetMAC(p.what.HostEnd(), mac) }, nil)
}
