package e2e

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
)

// tempestLifecycleTests are those on a container that is there.
func tempestLifecycleTests() []tempestTest {
	return []tempestTest{
		{"test_pause_unpause_container", "", "", (*tempest).pauseUnpause},
		{"test_rebuild_container", "1.33", "", (*tempest).rebuild},
		{"test_update_container", "1.14", "", (*tempest).update},
		{"test_rename_container", "1.14", "", (*tempest).rename},
		{"test_top_container", "", "", (*tempest).top},
		{"test_stats_container", "", "", (*tempest).stats},
		{"test_put_and_get_archive_from_container", "", "1.24", (*tempest).archiveAsText},
		{"test_put_and_get_archive_from_container_encoded", "1.25", "", (*tempest).archiveAsBase64},
	}
}

func (s *tempest) pauseUnpause() {
	id := s.run(nil).UUID
	s.do(id, "pause").is(http.StatusAccepted).says("null")
	s.becomes(s.version, id, "Paused")
	s.do(id, "unpause").is(http.StatusAccepted).says("null")
	s.becomes(s.version, id, "Running")
}

func (s *tempest) rebuild() {
	id := s.run(nil).UUID
	request := s.do(id, "rebuild").is(http.StatusAccepted).header.Get("X-OpenStack-Request-ID")
	var action struct {
		Finish  *string `json:"finish_time"`
		Message *string
	}
	until(s.tb, "the rebuild is finished", func() bool {
		s.ask("GET", "/containers/"+id+"/container_actions/"+request, nil).is(http.StatusOK).into(&action)
		return action.Finish != nil
	})
	if action.Message != nil {
		s.tb.Errorf("the rebuild says %q", *action.Message)
	}
	s.becomes(s.version, id, "Running")
}

func (s *tempest) update() {
	made := s.run(map[string]any{"cpu": 0.1, "memory": 100})
	if made.CPU != 0.1 || made.Memory != "100" {
		s.tb.Errorf("made with cpu %v, memory %q", made.CPU, made.Memory)
	}
	changed := s.ask("PATCH", "/containers//"+made.UUID, map[string]any{"cpu": 0.2, "memory": 200}).is(http.StatusOK).record()
	if changed.CPU != 0.2 || changed.Memory != "200" {
		s.tb.Errorf("after the change: cpu %v, memory %q", changed.CPU, changed.Memory)
	}
}

// The plugin's body has cpu and memory beside the name: its models begin with them.
func (s *tempest) rename() {
	made := s.run(map[string]any{"name": "tempest-container1"})
	if made.Name != "tempest-container1" {
		s.tb.Errorf("made with the name %q", made.Name)
	}
	body := map[string]any{"name": "tempest-container2"}
	changed := s.ask("PATCH", "/containers//"+made.UUID, body).is(http.StatusOK).record()
	if changed.Name != "tempest-container2" {
		s.tb.Errorf("renamed to %q", changed.Name)
	}
}

func (s *tempest) top() {
	id := s.run(map[string]any{"command": []string{"/bin/sh", "-c", "sleep 1000000"}}).UUID
	defer s.end(id)
	until(s.tb, "top shows the process", func() bool {
		return strings.Contains(string(s.ask("GET", "/containers//"+id+"/top", nil).is(http.StatusOK).body), "sleep 1000000")
	})
}

func (s *tempest) stats() {
	body := s.ask("GET", "/containers//"+s.run(nil).UUID+"/stats", nil).is(http.StatusOK).body
	contains(s.tb, "stats", string(body), "NET I/O(B)", "CONTAINER", "MEM LIMIT(MiB)", "CPU %", "MEM USAGE(MiB)", "MEM %", "BLOCK I/O(B)")
}

// Up to 1.24 an archive is text in JSON, which carries what is ASCII.
func (s *tempest) archiveAsText() {
	s.archive(func(b []byte) string { return string(b) }, func(text string) ([]byte, error) { return []byte(text), nil })
}

func (s *tempest) archiveAsBase64() {
	s.archive(base64.StdEncoding.EncodeToString, base64.StdEncoding.DecodeString)
}

func (s *tempest) archive(encode func([]byte) string, decode func(string) ([]byte, error)) {
	const content = "Random text"
	made := s.run(nil)
	if len(made.Addresses) != 1 {
		s.tb.Errorf("it is on %d networks", len(made.Addresses))
	}
	s.ask("POST", "/containers//"+made.UUID+"/put_archive"+query("path", "/tmp"), map[string]any{"data": encode(tarOf(s, "test.txt", content))}).
		is(http.StatusOK).says("null")
	var got struct {
		Data string
		Stat struct {
			Name string
			Size int
		}
	}
	s.ask("GET", "/containers//"+made.UUID+"/get_archive"+query("path", "/tmp/test.txt"), nil).is(http.StatusOK).into(&got)
	archive, err := decode(got.Data)
	if err != nil {
		s.tb.Fatal(err)
	}
	name, text := firstOfTar(s, archive)
	if name != "test.txt" || text != content || got.Stat.Name != "test.txt" || got.Stat.Size != len(content) {
		s.tb.Errorf("came back as %q %q, stat %+v", name, text, got.Stat)
	}
}

func tarOf(s *tempest, name, content string) []byte {
	s.tb.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		s.tb.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		s.tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		s.tb.Fatal(err)
	}
	return archive.Bytes()
}

func firstOfTar(s *tempest, archive []byte) (name, content string) {
	s.tb.Helper()
	r := tar.NewReader(bytes.NewReader(archive))
	header, err := r.Next()
	if err != nil {
		s.tb.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		s.tb.Fatal(err)
	}
	return header.Name, string(text)
}
