package libnetwork_test

import (
	"context"
	"slices"
	"testing"

	"github.com/gozun/gozun/internal/binding"
	"github.com/gozun/gozun/zun"
)

// A port that a killed plugin left, without a record, has the MAC that Docker asks again
// with. It is in the way only if a container has its link.
func TestPortLeftByARequestThatDockerRepeats(t *testing.T) {
	for name, living := range map[string]bool{"nobody has it": false, "a container has its link": true} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			s := mustStage(t, "")
			links := &ledger{plugged: map[string]bool{}, living: living}
			p := mustPlugin(t, settings{Neutron: s.Service, Binder: links})
			n := got(p.createNetwork(s.ask))(t)
			left := got(s.Service.CreatePort(ctx, zun.PortSpec{
				Name: "kuryr-unbound-port", NetworkID: s.Net.ID, ProjectID: s.Net.ProjectID, MAC: "02:00:00:00:00:07",
				DeviceID: "a-claim", DeviceOwner: "compute:kuryr", Host: host, Tags: []string{"compute:kuryr"},
			}))(t)
			if living {
				must(t, links.Plug(ctx, binding.Binding{PortID: left.ID, VIFType: "bridge"}))
			}
			e, err := p.connect(n, want{MAC: left.MAC})
			there := got(s.Service.FindPorts(ctx, zun.NeutronQuery{NetworkID: s.Net.ID, MAC: left.MAC}))(t)
			kept := slices.ContainsFunc(there, func(p zun.Port) bool { return p.ID == left.ID })
			if (err != nil) != living || kept != living || len(there) != 1 {
				t.Errorf("connected %v with %v, ports %v", e, err, there)
			}
		})
	}
}
