package node_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/gozun/gozun/zun"
)

// neutron is the ports half of a Neutron, in memory: addresses are handed out in order.
// before, if set, is asked at every call and may fail it, and after likewise when the work
// is done: an answer that gets lost.
type neutron struct {
	mu     sync.Mutex
	ports  map[string]zun.Port
	groups map[string]zun.SecurityGroup
	rules  map[string][]zun.Ingress // by group
	prefix map[string]netip.Prefix  // by subnet
	next   int
	calls  []string
	before func(verb string) error
	after  func(verb string) error
}

func newNeutron(networks ...zun.Network) *neutron {
	n := &neutron{ports: map[string]zun.Port{}, groups: map[string]zun.SecurityGroup{}, rules: map[string][]zun.Ingress{}, prefix: map[string]netip.Prefix{}, next: 10}
	for _, network := range networks {
		for _, subnet := range network.Subnets {
			n.prefix[subnet.ID] = subnet.CIDR
		}
	}
	return n
}

func (n *neutron) call(verb string, work func() error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = append(n.calls, verb)
	if n.before != nil {
		if err := n.before(verb); err != nil {
			return err
		}
	}
	if err := work(); err != nil {
		return err
	}
	if n.after != nil {
		return n.after(verb)
	}
	return nil
}

func (n *neutron) FindPorts(_ context.Context, q zun.NeutronQuery) (found []zun.Port, err error) {
	err = n.call("FindPorts", func() error {
		for _, port := range n.ports {
			if (q.DeviceID == "" || q.DeviceID == port.DeviceID) && (q.NetworkID == "" || q.NetworkID == port.NetworkID) {
				found = append(found, port)
			}
		}
		return nil
	})
	return found, err
}

func (n *neutron) Port(_ context.Context, id string) (port zun.Port, err error) {
	err = n.call("Port", func() (err error) {
		port, err = n.get(id)
		return err
	})
	return port, err
}

func (n *neutron) get(id string) (zun.Port, error) {
	port, ok := n.ports[id]
	if !ok {
		return zun.Port{}, zun.Errorf(zun.CodePortNotFound, "port %s could not be found", id)
	}
	return port, nil
}

func (n *neutron) CreatePort(_ context.Context, spec zun.PortSpec) (port zun.Port, err error) {
	err = n.call("CreatePort", func() error {
		port = zun.Port{
			ID: uuid.NewString(), Name: spec.Name, ProjectID: spec.ProjectID, NetworkID: spec.NetworkID,
			SecurityGroups: spec.SecurityGroups, DeviceID: spec.DeviceID, DeviceOwner: spec.DeviceOwner, Host: spec.Host, VIFType: "bridge",
		}
		n.next++
		port.MAC = fmt.Sprintf("fa:16:3e:00:00:%02x", n.next)
		for _, wanted := range spec.FixedIPs {
			if !wanted.IP.IsValid() {
				wanted.IP = nth(n.prefix[wanted.SubnetID].Addr(), n.next)
			}
			port.FixedIPs = append(port.FixedIPs, wanted)
		}
		n.ports[port.ID] = port
		return nil
	})
	return port, err
}

func nth(base netip.Addr, n int) netip.Addr {
	for range n {
		base = base.Next()
	}
	return base
}

func (n *neutron) UpdatePort(_ context.Context, id string, change zun.PortChange) (port zun.Port, err error) {
	err = n.call("UpdatePort", func() (err error) {
		if port, err = n.get(id); err != nil {
			return err
		}
		for _, f := range []struct{ to, from *string }{
			{&port.DeviceID, change.DeviceID},
			{&port.DeviceOwner, change.DeviceOwner},
			{&port.Host, change.Host},
			{&port.Name, change.Name},
			{&port.MAC, change.MAC},
		} {
			if f.from != nil {
				*f.to = *f.from
			}
		}
		if change.SecurityGroups != nil {
			port.SecurityGroups = change.SecurityGroups
		}
		n.ports[id] = port
		return nil
	})
	return port, err
}

func (n *neutron) DeletePort(_ context.Context, id string) error {
	return n.call("DeletePort", func() error {
		if _, err := n.get(id); err != nil {
			return err
		}
		delete(n.ports, id)
		return nil
	})
}

func (n *neutron) FindSecurityGroups(_ context.Context, q zun.NeutronQuery) (found []zun.SecurityGroup, err error) {
	err = n.call("FindSecurityGroups", func() error {
		for _, group := range n.groups {
			if (q.Name == "" || q.Name == group.Name) && (q.ProjectID == "" || q.ProjectID == group.ProjectID) {
				found = append(found, group)
			}
		}
		return nil
	})
	return found, err
}

func (n *neutron) CreateSecurityGroup(_ context.Context, spec zun.SecurityGroupSpec) (group zun.SecurityGroup, err error) {
	err = n.call("CreateSecurityGroup", func() error {
		group = zun.SecurityGroup{ID: uuid.NewString(), Name: spec.Name, ProjectID: spec.ProjectID, Description: spec.Description}
		n.groups[group.ID] = group
		return nil
	})
	return group, err
}

func (n *neutron) AllowIngress(_ context.Context, id string, rules []zun.Ingress) error {
	return n.call("AllowIngress", func() error {
		switch _, there := n.groups[id]; {
		case !there:
			return zun.Errorf(zun.CodeNotFound, "security group %s could not be found", id)
		case len(n.rules[id]) > 0:
			return zun.Errorf(zun.CodeConflict, "such a rule is there already")
		}
		n.rules[id] = rules
		return nil
	})
}

func (n *neutron) DeleteSecurityGroup(_ context.Context, id string) error {
	return n.call("DeleteSecurityGroup", func() error {
		for _, port := range n.ports {
			if slices.Contains(port.SecurityGroups, id) {
				return zun.Errorf(zun.CodeConflict, "security group %s is in use", id)
			}
		}
		delete(n.groups, id)
		delete(n.rules, id)
		return nil
	})
}

// all returns the ports there are.
func (n *neutron) all() []zun.Port {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Collect(maps.Values(n.ports))
}

func (n *neutron) called() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.calls)
}

// records is the control side of one host, in memory, with the little of its rules that the
// agent leans on: an observation is ignored while an action on the container is owed.
type records struct {
	mu       sync.Mutex
	orders   map[string]zun.Order
	owed     map[int64]zun.Order
	outcomes map[int64]zun.Outcome
	events   map[int64][]zun.Event
	observed []zun.Observation
	images   []zun.ImageReport
	changed  chan struct{} // closed and made anew at every change
	fail     func(what string) error
	nextID   int64
}

func newRecords() *records {
	return &records{
		orders: map[string]zun.Order{}, owed: map[int64]zun.Order{}, outcomes: map[int64]zun.Outcome{},
		events: map[int64][]zun.Event{}, changed: make(chan struct{}),
	}
}

func (r *records) record(what string, work func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(what); err != nil {
			return err
		}
	}
	work()
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

func (r *records) StageBegan(_ context.Context, event zun.Event) error {
	return r.record("StageBegan", func() { r.put(event) })
}

func (r *records) StageEnded(_ context.Context, event zun.Event) error {
	return r.record("StageEnded", func() { r.put(event) })
}

func (r *records) put(event zun.Event) {
	list := r.events[event.ActionID]
	if i := slices.IndexFunc(list, func(e zun.Event) bool { return e.Stage == event.Stage }); i >= 0 {
		list[i] = event
		return
	}
	r.events[event.ActionID] = append(list, event)
}

func (r *records) Plugged(_ context.Context, attachment zun.Attachment) error {
	return r.record("Plugged", func() {
		order := r.orders[attachment.ContainerID]
		order.Attachments = slices.Clone(order.Attachments)
		for i := range order.Attachments {
			if order.Attachments[i].ID == attachment.ID {
				order.Attachments[i] = attachment
			}
		}
		r.orders[attachment.ContainerID] = order
	})
}

func (r *records) Exposed(_ context.Context, containerID, groupID string) error {
	return r.record("Exposed", func() {
		order := r.orders[containerID]
		c := &order.Container
		c.SecurityGroups = slices.DeleteFunc(slices.Clone(c.SecurityGroups), func(id string) bool { return id == c.ExposedGroup })
		if c.ExposedGroup = groupID; groupID != "" {
			c.SecurityGroups = append(c.SecurityGroups, groupID)
		}
		r.orders[containerID] = order
	})
}

func (r *records) Finished(_ context.Context, id int64, outcome zun.Outcome) error {
	return r.record("Finished", func() {
		r.outcomes[id] = outcome
		containerID := r.owed[id].Container.ID
		delete(r.owed, id)
		order := r.orders[containerID]
		order.Attachments = slices.DeleteFunc(slices.Clone(order.Attachments), func(a zun.Attachment) bool { return slices.Contains(outcome.Detached, a.ID) })
		r.orders[containerID] = order
		r.see(outcome.Observation)
		if outcome.Deleted {
			delete(r.orders, containerID)
		}
	})
}

func (r *records) ImageChanged(_ context.Context, report zun.ImageReport) error {
	return r.record("ImageChanged", func() { r.images = append(r.images, report) })
}

func (r *records) Observed(_ context.Context, o zun.Observation) error {
	return r.record("Observed", func() {
		for _, order := range r.owed {
			if order.Container.ID == o.ContainerID {
				return
			}
		}
		r.observed = append(r.observed, o)
		r.see(o)
	})
}

// see writes the known fields of an observation into the record.
func (r *records) see(o zun.Observation) {
	order, ok := r.orders[o.ContainerID]
	if !ok {
		return
	}
	c := &order.Container
	if o.Status != "" {
		c.Status, c.StatusReason, c.StatusDetail = o.Status, o.StatusReason, o.StatusDetail
	}
	if o.DockerID != "" {
		c.DockerID = o.DockerID
	}
	if o.SandboxID != "" {
		c.SandboxID = o.SandboxID
	}
	if len(o.Command) > 0 {
		c.Command = o.Command
	}
	if len(o.Ports) > 0 {
		c.Ports = o.Ports
	}
	r.orders[o.ContainerID] = order
}

func (r *records) Containers(_ context.Context, _ string) (list []zun.Order, err error) {
	err = r.record("Containers", func() {
		for _, order := range r.orders {
			list = append(list, order)
		}
	})
	return list, err
}

// add records a container that is to be made.
func (r *records) add(order zun.Order) {
	r.mu.Lock()
	defer r.mu.Unlock()
	order.Container.Status = zun.StatusCreating
	r.orders[order.Container.ID] = order
}

// attachment adds an attachment to a container's record.
func (r *records) attach(attachment zun.Attachment, network zun.Network) {
	r.mu.Lock()
	defer r.mu.Unlock()
	order := r.orders[attachment.ContainerID]
	order.Attachments = append(slices.Clone(order.Attachments), attachment)
	order.Networks = maps.Clone(order.Networks)
	order.Networks[network.ID] = network
	r.orders[attachment.ContainerID] = order
}

// order writes an action down and returns it as it is given out.
func (r *records) order(containerID string, kind zun.ActionKind, input zun.ActionInput) zun.Order {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nextID++
	order := r.orders[containerID]
	order.Action = zun.Action{ID: r.nextID, Kind: kind, ContainerID: containerID, RequestID: "req-" + uuid.NewString(), Attempt: 1, StartedAt: time.Now()}
	order.Input = input
	r.owed[order.Action.ID] = order
	return order
}

// container returns the record.
func (r *records) container(id string) zun.Container {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.orders[id].Container
}

func (r *records) attachments(id string) []zun.Attachment {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.orders[id].Attachments)
}

// until waits for a change after which ok holds.
func (r *records) until(tb testing.TB, what string, ok func(*records) bool) {
	tb.Helper()
	deadline := time.After(time.Minute)
	for {
		r.mu.Lock()
		done, changed := ok(r), r.changed
		r.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			r.mu.Lock()
			defer r.mu.Unlock()
			tb.Fatalf("waited in vain until %s; observed %+v, outcomes %+v", what, r.observed, r.outcomes)
		}
	}
}

// outcome waits for the end of an action.
func (r *records) outcome(tb testing.TB, id int64) zun.Outcome {
	tb.Helper()
	var outcome zun.Outcome
	r.until(tb, fmt.Sprintf("action %d is finished", id), func(r *records) (ok bool) {
		outcome, ok = r.outcomes[id]
		return ok
	})
	return outcome
}

// status waits until the container has the status.
func (r *records) status(tb testing.TB, id string, status zun.Status) {
	tb.Helper()
	r.until(tb, "container is "+string(status), func(r *records) bool { return r.orders[id].Container.Status == status })
}

// stages returns the stages of an action in the order they began.
func (r *records) stages(id int64) []zun.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events[id])
}

// aNetwork returns a network with one subnet.
func aNetwork(cidr string) zun.Network {
	prefix := netip.MustParsePrefix(cidr)
	return zun.Network{
		ID: uuid.NewString(), Name: "net", ProjectID: "p", NeutronNetID: uuid.NewString(), Status: zun.NetworkActive,
		Subnets: []zun.Subnet{{ID: uuid.NewString(), CIDR: prefix, Gateway: prefix.Addr().Next(), PoolID: uuid.NewString()}},
	}
}

// aContainer returns an order for a container on networks, to be completed by records.order.
func aContainer(image string, command []string, networks ...zun.Network) zun.Order {
	order := zun.Order{Networks: map[string]zun.Network{}}
	order.Container = zun.Container{ID: uuid.NewString(), Name: "web_1", ProjectID: "p", Image: image, Command: command}
	for i, network := range networks {
		order.Attachments = append(order.Attachments, anAttachment(order.Container.ID, network, i))
		order.Networks[network.ID] = network
	}
	return order
}

func anAttachment(containerID string, network zun.Network, position int) zun.Attachment {
	return zun.Attachment{ID: uuid.NewString(), ContainerID: containerID, NetworkID: network.ID, ProjectID: "p", Position: position}
}
