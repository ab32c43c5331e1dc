package e2e

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

func (s *tempest) listContainers() {
	id := s.create().UUID
	if !slices.Contains(s.listed(), id) {
		s.tb.Errorf("container %s is not listed", id)
	}
}

func (s *tempest) getContainer() {
	id := s.create().UUID
	if got := s.ask("GET", "/containers//"+id, nil).is(http.StatusOK).record().UUID; got != id {
		s.tb.Errorf("asked for %s, got %s", id, got)
	}
}

func (s *tempest) deleteContainer() {
	id := s.create().UUID
	s.ask("DELETE", "/containers//"+id, nil).is(http.StatusNoContent)
	s.goes(id)
}

func (s *tempest) runContainer() {
	environment, labels := map[string]string{"key1": "env1", "key2": "env2"}, map[string]string{"key1": "label1", "key2": "label2"}
	made := s.run(map[string]any{
		"environment": environment, "labels": labels,
		"restart_policy": map[string]any{"Name": "on-failure", "MaximumRetryCount": 2},
	})
	got := mustJSON(s.tb, []any{made.Environment, made.Labels, made.Restart})
	wanted := mustJSON(s.tb, []any{environment, labels, map[string]string{"Name": "on-failure", "MaximumRetryCount": "2"}})
	if got != wanted {
		s.tb.Errorf("got %s instead of %s", got, wanted)
	}
}

func (s *tempest) runWithMinimalParams() {
	s.post("/containers/?run=True", map[string]any{"image": s.nginx}, "Running")
}

func (s *tempest) runWithInjectedFile() {
	const content, path = "Random text", "/data/testfile"
	id := s.run(map[string]any{"mounts": []map[string]any{
		{"type": "bind", "source": base64.StdEncoding.EncodeToString([]byte(content)), "destination": path},
	}}).UUID
	contains(s.tb, path, s.execute(id, "cat "+path), content)
}

func (s *tempest) startStop() {
	id := s.run(nil).UUID
	s.do(id, "stop").is(http.StatusAccepted).says("null")
	s.becomes(s.version, id, "Stopped")
	s.do(id, "start").is(http.StatusAccepted).says("null")
	s.becomes(s.version, id, "Running")
}

func (s *tempest) kill() {
	id := s.run(nil).UUID
	s.do(id, "kill").is(http.StatusAccepted).says("null")
	s.becomes(s.version, id, "Stopped")
}

func (s *tempest) exec() {
	contains(s.tb, "echo hello", s.execute(s.run(nil).UUID, "echo hello"), "hello")
}

func (s *tempest) logs() {
	id := s.run(map[string]any{"command": []string{"/bin/sh", "-c", "echo hello;sleep 1000000"}}).UUID
	defer s.end(id)
	until(s.tb, "the logs say hello", func() bool {
		return strings.Contains(s.ask("GET", "/containers//"+id+"/logs", nil).is(http.StatusOK).text(), "hello")
	})
}

// end kills a container whose process would not heed being stopped: waiting for it proves
// nothing more.
func (s *tempest) end(id string) {
	s.tb.Helper()
	s.do(id, "kill").is(http.StatusAccepted)
	s.becomes(s.version, id, "Stopped")
}

func (s *tempest) runWithRequestedHost() {
	var hosts struct{ Hosts []struct{ Hostname string } }
	s.admin.ask(s.version, "GET", "/hosts/", nil).is(http.StatusOK).into(&hosts)
	if len(hosts.Hosts) != 1 {
		s.tb.Fatalf("one machine has %d hosts", len(hosts.Hosts))
	}
	wish := s.wish(map[string]any{"host": hosts.Hosts[0].Hostname})
	s.ask("POST", "/containers/?run=True", wish).is(http.StatusForbidden) // whoever is no administrator
	// The plugin's administrator has a network of his own; so has ours.
	network, _ := s.admin.makeNetwork("tempest-admin", map[string]any{"cidr": "10.98.0.0/24"})
	s.removeNetwork(s.admin, network)
	id := s.admin.ask(s.version, "POST", "/containers/?run=True", wish).is(http.StatusAccepted).record().UUID
	s.made = append(s.made, id)
	if got := s.admin.becomes(s.version, id, "Running").Host; got != hosts.Hosts[0].Hostname {
		s.tb.Errorf("it runs on %q instead of %q", got, hosts.Hosts[0].Hostname)
	}
}
