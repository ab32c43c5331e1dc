package neutron_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/internal/neutron"
	"github.com/gozun/gozun/zun"
)

func TestWhatAHostNeedsOfNeutronCanBeAsked(t *testing.T) {
	c := startCloud(t)
	ctx := t.Context()
	var observed []string
	admin := neutron.New(c.session("kuryr", "service"), neutron.Options{Observe: func(_ context.Context, call string, status int, took time.Duration) {
		if took <= 0 {
			t.Errorf("%s took %v", call, took)
		}
		observed = append(observed, fmt.Sprint(call, " ", status))
	}})
	demo := c.client("demo", "demo")
	agents, err := admin.FindAgents(ctx)
	if err != nil || len(agents) != 1 || agents[0].Host != "here" || !agents[0].Alive || !agents[0].AdminStateUp || agents[0].Kind != "Linux bridge agent" {
		t.Errorf("agents %+v %v", agents, err)
	}
	if agents, err := demo.FindAgents(ctx); err != nil || len(agents) != 0 {
		t.Errorf("demo's agents %+v %v", agents, err)
	}
	extensions, err := admin.Extensions(ctx)
	if err != nil || !slices.Contains(extensions, "subnet_allocation") || !slices.IsSorted(extensions) {
		t.Errorf("extensions %v %v", extensions, err)
	}
	if _, known, err := admin.SeesBindings(ctx); known || err != nil {
		t.Errorf("without a port: known %t, %v", known, err)
	}
	made, err := demo.CreateNetwork(ctx, zun.NeutronNetworkSpec{Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, host := range []string{"here", "there", ""} {
		p, err := admin.CreatePort(ctx, zun.PortSpec{NetworkID: made.ID, ProjectID: made.ProjectID, Host: host})
		if err != nil {
			t.Fatal(err)
		}
		if host == "here" {
			want = append(want, p.ID)
		}
	}
	var got []string
	ports, err := admin.PortsOn(ctx, "here")
	for _, p := range ports {
		got = append(got, p.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if ports, err := demo.PortsOn(ctx, "here"); len(ports) != 0 || err != nil {
		t.Errorf("demo sees where ports are: %v %v", ports, err)
	}
	for user, client := range map[bool]*neutron.Client{true: admin, false: demo} {
		if sees, known, err := client.SeesBindings(ctx); sees != user || !known || err != nil {
			t.Errorf("sees bindings: %t %t %v, want %t", sees, known, err, user)
		}
	}
	if _, err := admin.Port(ctx, "nosuch"); err == nil {
		t.Error("a port that is not there is shown")
	}
	if !slices.Contains(observed, "GET agents 200") || !slices.Contains(observed, "POST ports 201") || !slices.Contains(observed, "GET ports 404") {
		t.Errorf("observed %q", observed)
	}
}
