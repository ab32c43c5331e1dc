package neutron_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

func TestGroupsAndWhatPortsHaveOfThem(t *testing.T) {
	c := startCloud(t)
	ctx, client := t.Context(), c.client("kuryr", "service")
	project := must[string](t)(client.ProjectID(ctx))
	group := must[zun.SecurityGroup](t)(client.CreateSecurityGroup(ctx, zun.SecurityGroupSpec{Name: "web", Description: "ours"}))
	if diff := cmp.Diff(zun.SecurityGroup{ID: group.ID, Name: "web", ProjectID: project, Description: "ours"}, group); diff != "" {
		t.Error(diff)
	}
	rules := []zun.Ingress{{Protocol: "tcp", From: 80, To: 81}, {V6: true, Protocol: "tcp", From: 80, To: 80}, {Protocol: "icmp"}}
	if err := client.AllowIngress(ctx, group.ID, rules); err != nil {
		t.Fatal(err)
	}
	if err := client.AllowIngress(ctx, group.ID, rules[:1]); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("a rule twice: %v", err)
	}
	if _, err := client.FindQoSPolicies(ctx, zun.NeutronQuery{Name: "gold"}); zun.CodeOf(err) != zun.CodeNotImplemented {
		t.Errorf("QoS where there is none: %v", err)
	}

	net := must[zun.NeutronNetwork](t)(client.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "net"}))
	must[zun.NeutronSubnet](t)(client.CreateSubnet(ctx, zun.NeutronSubnetSpec{NetworkID: net.ID, CIDR: netip.MustParsePrefix("10.2.0.0/24")}))
	pairs := []zun.AddressPair{{IP: "10.9.0.0/24", MAC: "02:00:00:00:00:01"}}
	port := must[zun.Port](t)(client.CreatePort(ctx, zun.PortSpec{NetworkID: net.ID, SecurityGroups: []string{group.ID}, AddressPairs: pairs}))
	if diff := cmp.Diff(pairs, port.AddressPairs); diff != "" || !cmp.Equal([]string{group.ID}, port.SecurityGroups) || port.NoSecurity {
		t.Errorf("port is %+v", port)
	}
	if err := client.DeleteSecurityGroup(ctx, group.ID); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("deleted a group in use: %v", err)
	}
	off, stale := false, port.Revision
	change := zun.PortChange{SecurityGroups: []string{}, AddressPairs: []zun.AddressPair{}, PortSecurity: &off, IfRevision: &stale}
	changed := must[zun.Port](t)(client.UpdatePort(ctx, port.ID, change))
	if !changed.NoSecurity || len(changed.SecurityGroups)+len(changed.AddressPairs) != 0 || changed.Revision <= stale {
		t.Errorf("port is %+v", changed)
	}
	if _, err := client.UpdatePort(ctx, port.ID, change); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("changed another revision: %v", err)
	}
	if err := client.DeleteSecurityGroup(ctx, group.ID); err != nil {
		t.Error(err)
	}
}
