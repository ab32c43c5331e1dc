package node_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/gozun/gozun/zun"
)

// besides adds a network to the world: other subnets of the Neutron network that the
// container's first network stands for.
func (w *world) besides(cidr string) (zun.Attachment, zun.Network) {
	first := w.order.Networks[w.order.Attachments[0].NetworkID]
	more := aNetwork(cidr)
	more.NeutronNetID = first.NeutronNetID
	w.neutron.mu.Lock()
	w.neutron.prefix[more.Subnets[0].ID] = more.Subnets[0].CIDR
	w.neutron.mu.Unlock()
	return anAttachment(w.order.Container.ID, more, 2), more
}

// Two networks of ours may choose different subnets of one Neutron network. A container on
// both has two ports there, and what is done about one leaves the other alone.
func TestNetworksOnOneNeutronNetworkHaveTheirOwnPorts(t *testing.T) {
	w := newWorld(t)
	if outcome := w.do(zun.ActionCreate, zun.ActionInput{Run: true}); outcome.Failed {
		t.Fatal(outcome.Message)
	}
	first := w.ours(true)[0]
	more, network := w.besides("10.3.0.0/24")
	w.records.attach(more, network)
	attach := zun.ActionInput{AttachmentIDs: []string{more.ID}}

	w.neutron.before = func(verb string) error {
		if verb == "CreatePort" {
			return zun.Errorf(zun.CodeConflict, "no address is left")
		}
		return nil
	}
	if outcome := w.do(zun.ActionNetworkAttach, attach); !outcome.Failed || !strings.Contains(outcome.Message, "no address is left") {
		t.Errorf("the port was not asked for: %+v", outcome)
	}
	w.neutron.before = nil
	if ports := w.ours(true); len(ports) != 1 || ports[0].ID != first.ID {
		t.Fatalf("the failed attach left %+v", ports)
	}

	more.ID = uuid.NewString() // the record of the failed one is gone
	attach.AttachmentIDs[0] = more.ID
	w.records.attach(more, network)
	if outcome := w.do(zun.ActionNetworkAttach, attach); outcome.Failed {
		t.Fatal(outcome.Message)
	}
	ports := w.ours(true)
	if len(ports) != 2 {
		t.Fatalf("got ports %+v", ports)
	}
	at := w.records.attachments(w.order.Container.ID)
	if i := slices.IndexFunc(at, func(a zun.Attachment) bool { return a.ID == more.ID }); at[i].PortID == first.ID || at[i].Addresses[0].SubnetID != network.Subnets[0].ID {
		t.Errorf("attached with %+v", at[i])
	}
	if outcome := w.do(zun.ActionNetworkDetach, attach); outcome.Failed {
		t.Fatal(outcome.Message)
	}
	if ports := w.ours(true); len(ports) != 1 || ports[0].ID != first.ID {
		t.Errorf("the detach left %+v", ports)
	}
}
