package e2e

import (
	"net/http"
	"slices"
	"testing"
)

// What Heat's OS::Zun::Container asks in the life of a stack: at 1.12, changes at 1.18.
// The command has quotes around it, which python-zunclient puts there below 1.20.
func TestHeat(t *testing.T) {
	c := anyCloud(t)
	isAsBefore := c.dockerAsItIs()
	stack := c.demo()
	network, _ := stack.makeNetwork("heat", map[string]any{"cidr": "10.2.0.0/24"})

	t.Run("a container that stays", func(t *testing.T) { stack.on(t).heatLife(network) })
	t.Run("a container that ends", func(t *testing.T) {
		u := stack.on(t)
		made := u.heatCreates(map[string]any{"name": "job", "image": image, "command": `"true"`})
		u.becomes("1.12", made.UUID, "Stopped") // complete, since it is not interactive
		u.heatDeletes(made.UUID)
	})
	t.Run("an image that is not there", func(t *testing.T) {
		u := stack.on(t)
		made := u.heatCreates(map[string]any{"name": "broken", "image": "gozun-e2e-none:1", "image_driver": "docker"})
		if got := u.becomes("1.12", made.UUID, "Error"); got.Reason == "" {
			t.Error("the failure has no reason to show")
		}
		u.heatDeletes(made.UUID)
	})
	t.Run("refused", func(t *testing.T) {
		u := stack.on(t)
		u.ask("1.12", "POST", "/containers?run=true", map[string]any{"image": image, "cpu": 99}).is(http.StatusBadRequest)
		u.ask("1.12", "DELETE", "/containers/none?stop=True", nil).is(http.StatusNotFound)
		u.ask("1.12", "POST", "/containers?run=true", map[string]any{"image": image, "tty": true, "host": "x"}).is(http.StatusBadRequest)
	})
	isAsBefore()
}

// heatCreates sends what a resource's creation sends: its properties that have a value,
// Heat's defaults among them.
func (u *user) heatCreates(properties map[string]any) record {
	u.tb.Helper()
	wish := map[string]any{"interactive": false, "security_groups": []string{}, "hints": map[string]any{}}
	for key, value := range properties {
		wish[key] = value
	}
	return u.ask("1.12", "POST", "/containers?run=true", wish).is(http.StatusAccepted).record()
}

// heatDeletes deletes and asks until the container is not found.
func (u *user) heatDeletes(id string) {
	u.tb.Helper()
	u.ask("1.12", "DELETE", "/containers/"+id+"?stop=True", nil).is(http.StatusNoContent)
	until(u.tb, "Heat's container is gone", func() bool {
		return u.ask("1.12", "GET", "/containers/"+id, nil).status == http.StatusNotFound
	})
	u.ask("1.12", "DELETE", "/containers/"+id+"?stop=True", nil).is(http.StatusNotFound)
}

func (u *user) heatLife(network string) {
	made := u.heatCreates(map[string]any{
		"name": "stack-web", "image": image, "command": `"sleep"`, "cpu": 0.5, "memory": "64", "workdir": "/tmp", "hostname": "heat-host",
		"environment": map[string]any{"COLOUR": "green"}, "labels": map[string]any{"stack": "one"}, "image_driver": "docker",
		"restart_policy": map[string]any{"Name": "on-failure", "MaximumRetryCount": "2"}, "interactive": true,
	})
	if made.Status != "Creating" {
		u.tb.Errorf("made as %s", made.Status)
	}
	runs := u.becomes("1.12", made.UUID, "Running")
	if !slices.Equal(runs.Command, []string{"sleep"}) || runs.Environment["COLOUR"] != "green" || !runs.Interactive {
		u.tb.Errorf("it runs as %+v", runs)
	}
	if on := runs.Addresses[network]; len(on) != 1 || on[0].Addr == "" { // the attribute addresses
		u.tb.Errorf("addresses: %+v", runs.Addresses)
	}
	changed := u.ask("1.18", "PATCH", "/containers/"+made.UUID, map[string]any{"name": "stack-db", "cpu": 0.6, "memory": "72"}).is(http.StatusOK).record()
	if changed.Name != "stack-db" || changed.CPU != 0.6 || changed.Memory != "72" {
		u.tb.Errorf("changed to %+v", changed)
	}
	// What Heat falls back to where PATCH is not acceptable.
	renamed := u.ask("1.12", "POST", "/containers/"+made.UUID+"/rename?name=stack-web", nil).is(http.StatusOK).record()
	if renamed.Name != "stack-web" {
		u.tb.Errorf("renamed to %q", renamed.Name)
	}
	u.ask("1.18", "POST", "/containers/"+made.UUID+"/rename?name=stack-web", nil).is(http.StatusNotAcceptable)
	u.heatDeletes(made.UUID)
}
