package api

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRegistries goes from the API down to the database.
func TestRegistries(t *testing.T) {
	f, _, db := newWhole(t)
	made := f.want(201, f.do("POST", "/v1/registries",
		`{"registry":{"name":"mine","domain":"r.example:5000","username":"me","password":"hunter2"}}`))
	body := f.object(made)["registry"].(map[string]any)
	id := body["uuid"].(string)
	want := map[string]any{
		"uuid": id, "name": "mine", "project_id": "p", "user_id": "u", "domain": "r.example:5000", "username": "me", "password": "***",
		"links": []any{
			map[string]any{"href": "http://zun:9517/v1/registries/" + id, "rel": "self"},
			map[string]any{"href": "http://zun:9517/registries/" + id, "rel": "bookmark"},
		},
	}
	if diff := cmp.Diff(want, body); diff != "" || made.header.Get("Location") != "http://zun:9517/v1/registries/"+id {
		t.Errorf("%s %v", diff, made.header)
	}
	kept, err := db.Registry(t.Context(), id)
	if err != nil || kept.SealedPassword == "" || strings.Contains(fmt.Sprint(kept), "hunter2") {
		t.Errorf("the record is %+v, %v", kept, err)
	}
	for _, ref := range []string{id, "mine"} {
		if diff := cmp.Diff(want, f.object(f.want(200, f.do("GET", "/v1/registries/"+ref, "")))["registry"]); diff != "" {
			t.Errorf("%s: %s", ref, diff)
		}
	}
	delete(want, "links")
	if diff := cmp.Diff(map[string]any{"registries": []any{want}, "next": nil}, f.object(f.want(200, f.do("GET", "/v1/registries", "")))); diff != "" {
		t.Error(diff)
	}

	changed := f.object(f.want(200, f.do("PATCH", "/v1/registries/mine", `{"registry":{"username":"you","name":null}}`)))["registry"].(map[string]any)
	if changed["username"] != "you" || changed["name"] != nil || changed["domain"] != "r.example:5000" {
		t.Errorf("changed: %v", changed)
	}
	after, err := db.Registry(t.Context(), id)
	if err != nil || after.SealedPassword != kept.SealedPassword {
		t.Errorf("a change of the name changed the password: %v", err)
	}
	f.want(200, f.do("PATCH", "/v1/registries/"+id, `{"registry":{"password":null}}`))
	if after, _ = db.Registry(t.Context(), id); after.SealedPassword != "" {
		t.Error("the password is still there")
	}
	f.want(204, f.do("DELETE", "/v1/registries/"+id, ""))
	f.want(404, f.do("GET", "/v1/registries/"+id, ""))
	if p := f.problem(f.want(404, f.do("DELETE", "/v1/registries/"+id, ""))); p.Code != "container.registry-not-found" {
		t.Errorf("%+v", p)
	}
}

func TestBadRegistries(t *testing.T) {
	f, _, _ := newWhole(t)
	f.want(201, f.do("POST", "/v1/registries", `{"registry":{"name":"mine","domain":"r.example"}}`))
	for body, says := range map[string]string{
		`{}`:                              "'registry' is a required property",
		`{"registry":"hunter2"}`:          "Invalid input for field 'registry'",
		`{"registry":{"name":"hunter2"}}`: "'domain' is a required property",
		`{"registry":{"domain":""}}`:      "domain",
		`{"registry":{"domain":7}}`:       "domain",
		`{"registry":{"domain":"r.example","password":"hunter2","bogus":1}}`:                "('bogus' was unexpected)",
		`{"registry":{"domain":"r.example","password":["hunter2"]}}`:                        "field 'password'",
		`{"registry":{"domain":"r.example","password":"hunter2\u0000"}}`:                    "field 'password'",
		`{"registry":{"domain":"r.example","name":"-"}}`:                                    "field 'name'",
		`{"registry":{"domain":"https://r.example"}}`:                                       "leave the scheme out",
		`{"registry":{"domain":"r.example/"}}`:                                              "it is a host",
		`{"registry":{"domain":"r.example:port"}}`:                                          "it is a host",
		`{"registry":{"domain":"r example"}}`:                                               "it is a host",
		`{"registry":{"domain":"R.example/Team"}}`:                                          "it is a host",
		`{"registry":{"domain":"team"}}`:                                                    "docker.io/team",
		`{"registry":{"domain":"r.example"},"domain":"r.example"}`:                          "Additional properties",
		`{"registry":{"domain":"r.example","username":"` + strings.Repeat("x", 256) + `"}}`: "field 'username'",
	} {
		a := f.want(400, f.do("POST", "/v1/registries", body))
		if p := f.problem(a); !strings.Contains(p.Detail, says) || strings.Contains(a.text, "hunter2") {
			t.Errorf("%s: %s", body, a.text)
		}
	}
	for body, says := range map[string]string{
		`{"registry":{"domain":null}}`:   "field 'domain'",
		`{"registry":{"domain":"team"}}`: "docker.io/team",
		`{"registry":{"uuid":"x"}}`:      "('uuid' was unexpected)",
		`{}`:                             "'registry' is a required property",
	} {
		if p := f.problem(f.want(400, f.do("PATCH", "/v1/registries/mine", body))); !strings.Contains(p.Detail, says) {
			t.Errorf("%s: %+v", body, p)
		}
	}
	f.want(415, f.do("POST", "/v1/registries", `{"registry":{"domain":"r.example"}}`, "Content-Type: text/plain"))
	f.want(400, f.do("GET", "/v1/registries?bogus=1", ""))
	f.want(400, f.do("GET", "/v1/registries?sort_key=password", ""))
	f.want(404, f.do("GET", "/v1/registries?marker=aaaaaaaa-0000-4000-8000-000000000001", ""))
	f.want(403, f.do("GET", "/v1/registries?all_projects=1", ""))
	f.want(400, f.do("DELETE", "/v1/registries/mine?force=1", ""))
}

// Another project's registry is not there, an administrator finds it, and of two of one
// name nobody knows which is meant.
func TestWhoSeesARegistry(t *testing.T) {
	f, _, _ := newWhole(t)
	other := f.object(f.want(201, f.do("POST", "/v1/registries", `{"registry":{"name":"theirs","domain":"r.example"}}`, "X-Auth-Token: other")))
	id := other["registry"].(map[string]any)["uuid"].(string)
	for _, ref := range []string{id, "theirs"} {
		f.want(404, f.do("GET", "/v1/registries/"+ref, ""))
		f.want(404, f.do("PATCH", "/v1/registries/"+ref, `{"registry":{"name":"mine"}}`))
		f.want(404, f.do("DELETE", "/v1/registries/"+ref, ""))
		f.want(200, f.do("GET", "/v1/registries/"+ref, "", "X-Auth-Token: admin"))
	}
	if p := f.problem(f.want(404, f.do("POST", "/v1/containers", `{"image":"app","registry":"theirs"}`, latest))); p.Code != "container.registry-not-found" {
		t.Errorf("%+v", p)
	}
	for range 2 {
		f.want(201, f.do("POST", "/v1/registries", `{"registry":{"name":"twice","domain":"r.example"}}`))
	}
	f.want(409, f.do("GET", "/v1/registries/twice", ""))
	f.want(409, f.do("POST", "/v1/containers", `{"image":"app","registry":"twice"}`, latest))
	first := f.object(f.want(200, f.do("GET", "/v1/registries?limit=2&sort_key=name&all_projects=1&domain=r.example", "", "X-Auth-Token: admin")))
	if n := len(first["registries"].([]any)); n != 2 {
		t.Fatalf("%d registries", n)
	}
	path := strings.TrimPrefix(first["next"].(string), "http://zun:9517")
	second := f.object(f.want(200, f.do("GET", path, "", "X-Auth-Token: admin")))
	if n := len(second["registries"].([]any)); n != 1 || second["next"] != nil {
		t.Errorf("second page %v", second)
	}
}

// TestAContainerKeepsItsRegistry: it shows it, and while it is there the registry stays.
func TestAContainerKeepsItsRegistry(t *testing.T) {
	f, _, _ := newWhole(t)
	made := f.object(f.want(201, f.do("POST", "/v1/registries", `{"registry":{"name":"mine","domain":"r.example"}}`)))
	id := made["registry"].(map[string]any)["uuid"].(string)
	if p := f.problem(f.want(400, f.do("POST", "/v1/containers", `{"image":"app","registry":"mine"}`, version("1.30")))); p.Code != "container.invalid-param-in-version" {
		t.Errorf("%+v", p)
	}
	if p := f.problem(f.want(400, f.do("POST", "/v1/containers", `{"image":"q.example/app","registry":"mine"}`, version("1.31")))); !strings.Contains(p.Detail, "q.example") {
		t.Errorf("%+v", p)
	}
	c := f.object(f.want(202, f.do("POST", "/v1/containers", `{"image":"app","name":"web","registry":"mine"}`, version("1.31"))))
	if c["registry_id"] != id || c["image"] != "app" {
		t.Errorf("container %v", c)
	}
	f.until("/v1/containers/web", func(a answer) bool { return strings.Contains(a.text, `"Created"`) })
	if p := f.problem(f.want(409, f.do("DELETE", "/v1/registries/mine", ""))); p.Code != "container.conflict" || !strings.Contains(p.Detail, id) {
		t.Errorf("%+v", p)
	}
	f.want(204, f.do("DELETE", "/v1/containers/web", "", latest))
	f.until("/v1/containers/web", func(a answer) bool { return a.status == 404 })
	f.want(204, f.do("DELETE", "/v1/registries/mine", ""))
}

// TestPasswordsAreNotLogged: not of good requests, not of bad ones.
func TestPasswordsAreNotLogged(t *testing.T) {
	var log bytes.Buffer
	f := newFixture(t, func(c *Config) {
		c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	good := f.want(201, f.do("POST", "/v1/registries", `{"registry":{"domain":"r.example","password":"hunter2"}}`))
	if f.memory.asked[0] != "registry-create r.example hunter2" {
		t.Fatalf("control was not given the password: %v", f.memory.asked)
	}
	bad := f.do("POST", "/v1/registries?password=hunter2", `{"registry":{"domain":"r.example","password":{"a":"hunter2"}}}`)
	f.memory.panics = true
	worse := f.do("POST", "/v1/registries", `{"registry":{"domain":"r.example","password":"hunter2"}}`)
	if text := log.String() + good.text + bad.text + worse.text; strings.Contains(text, "hunter2") || bad.status != 400 || worse.status != 500 {
		t.Errorf("%s", text)
	}
}
