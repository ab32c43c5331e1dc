package registry

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ask sends a request as a user with a password, and returns status and body.
func ask(t *testing.T, server *httptest.Server, method, target, who, body string) (*http.Response, string) {
	t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = server.URL + target
	}
	q, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if user, password, ok := strings.Cut(who, ":"); ok {
		q.SetBasicAuth(user, password)
	}
	q.Header.Set("Content-Type", "application/vnd.docker.distribution.manifest.v2+json")
	response, err := server.Client().Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func TestPushAndPull(t *testing.T) {
	var gates []string
	r := &Registry{Username: "me", Password: "secret", Gate: func(_ string, sent, whole int) { gates = append(gates, fmt.Sprint(sent, "/", whole)) }}
	server := httptest.NewServer(r)
	defer server.Close()
	for who, status := range map[string]int{"": 401, "me:wrong": 401, "you:secret": 401, "me:secret": 200} {
		if got, text := ask(t, server, "GET", "/v2/", who, ""); got.StatusCode != status || status == 401 && !strings.Contains(text, "UNAUTHORIZED") {
			t.Errorf("%q: %d %s", who, got.StatusCode, text)
		}
	}
	const who = "me:secret"
	layer := strings.Repeat("x", chunk+1)
	digest := digestOf([]byte(layer))
	begun, _ := ask(t, server, "POST", "/v2/team/app/blobs/uploads/", who, "")
	more, _ := ask(t, server, "PATCH", server.URL+begun.Header.Get("Location"), who, layer[:10])
	place := server.URL + more.Header.Get("Location")
	if wrong, _ := ask(t, server, "PUT", place+"?digest=sha256:00", who, ""); wrong.StatusCode != http.StatusBadRequest {
		t.Errorf("a wrong digest: %d", wrong.StatusCode)
	}
	if ended, text := ask(t, server, "PUT", place+"?digest="+digest, who, layer[10:]); ended.StatusCode != http.StatusCreated {
		t.Fatalf("upload: %d %s", ended.StatusCode, text)
	}
	put, _ := ask(t, server, "PUT", "/v2/team/app/manifests/1", who, `{"schemaVersion":2}`)
	for _, reference := range []string{"1", put.Header.Get("Docker-Content-Digest")} {
		if got, text := ask(t, server, "GET", "/v2/team/app/manifests/"+reference, who, ""); got.StatusCode != http.StatusOK || text != `{"schemaVersion":2}` ||
			got.Header.Get("Content-Type") != "application/vnd.docker.distribution.manifest.v2+json" {
			t.Errorf("%s: %d %s", reference, got.StatusCode, text)
		}
	}
	if got, _ := ask(t, server, "HEAD", "/v2/team/app/blobs/"+digest, who, ""); got.StatusCode != http.StatusOK || got.ContentLength != int64(len(layer)) {
		t.Errorf("HEAD: %d %d", got.StatusCode, got.ContentLength)
	}
	if got, text := ask(t, server, "GET", "/v2/team/app/blobs/"+digest, who, ""); got.StatusCode != http.StatusOK || text != layer {
		t.Errorf("blob: %d, %d bytes", got.StatusCode, len(text))
	}
	if len(gates) < 2 || gates[0] != "0/32769" || gates[1] == "0/32769" {
		t.Errorf("gates %v", gates)
	}
	for _, missing := range []string{"/v2/team/app/manifests/2", "/v2/team/other/manifests/1", "/v2/team/app/blobs/sha256:00", "/v2/team/app/blobs/uploads/x", "/v2/team/app/tags", "/v1/"} {
		if got, _ := ask(t, server, "GET", missing, who, ""); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", missing, got.StatusCode)
		}
	}
	if diff := cmp.Diff([]string{"team/app:1"}, r.Images()); diff != "" {
		t.Error(diff)
	}
	if requests := r.Requests(); !strings.Contains(strings.Join(requests, "\n"), "PUT /v2/team/app/manifests/1 as me") {
		t.Errorf("%v", requests)
	}
}

func TestSearch(t *testing.T) {
	server := httptest.NewServer(&Registry{Listings: []Listing{
		{Name: "nginx", Official: true, Stars: 2}, {Name: "team/app", Description: "with nginx"}, {Name: "httpd"},
	}})
	defer server.Close()
	for target, want := range map[string]string{
		"/v1/_ping":                "true\n",
		"/v1/search?q=nginx&n=1":   `{"num_results":1,"query":"nginx","results":[{"name":"nginx","description":"","is_official":true,"star_count":2}]}` + "\n",
		"/v1/search?q=team%2Fapp":  `{"num_results":1,"query":"team/app","results":[{"name":"team/app","description":"with nginx","is_official":false,"star_count":0}]}` + "\n",
		"/v1/search?q=else&n=many": `{"num_results":0,"query":"else","results":[]}` + "\n",
	} {
		if response, got := ask(t, server, http.MethodGet, target, "", ""); response.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s: %s %s", target, response.Status, got)
		}
	}
}
