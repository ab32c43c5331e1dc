package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// untilAsAdmin repeats a GET of an administrator until it satisfies.
func (f *fixture) untilAsAdmin(target string, satisfied func(answer) bool) answer {
	f.Helper()
	deadline, tick := time.After(10*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for {
		a := f.do("GET", target, "", asAdmin, latest)
		if satisfied(a) {
			return a
		}
		select {
		case <-tick.C:
		case <-deadline:
			f.Fatalf("GET %s is still %d %s", target, a.status, a.text)
		}
	}
}

// TestImages goes from the API down to the database: pull, look, delete.
func TestImages(t *testing.T) {
	f, _, _ := newWhole(t)
	pulled := f.want(202, f.do("POST", "/v1/images/", `{"repo":"r.example:5000/app","host":"h1"}`, asAdmin))
	image := f.object(pulled)
	id := image["uuid"].(string)
	want := map[string]any{
		"uuid": id, "repo": "r.example:5000/app", "tag": "latest", "host": "h1", "project_id": "p", "image_id": nil, "size": nil,
		"links": []any{
			map[string]any{"href": "http://zun:9517/v1/images/" + id, "rel": "self"},
			map[string]any{"href": "http://zun:9517/images/" + id, "rel": "bookmark"},
		},
	}
	if diff := cmp.Diff(want, image); diff != "" || pulled.header.Get("Location") != "http://zun:9517/v1/images/"+id {
		t.Errorf("%s %v", diff, pulled.header)
	}
	there := f.object(f.untilAsAdmin("/v1/images/"+id, func(a answer) bool { return strings.Contains(a.text, `"Available"`) }))
	if there["image_id"] != "sha256:11" || there["size"] != "1048576" || there["status_reason"] != nil || there["created_at"] == nil {
		t.Errorf("pulled: %v", there)
	}
	want["image_id"], want["size"] = "sha256:11", "1048576"
	list := f.object(f.want(200, f.do("GET", "/v1/images/?anything=1", "", asAdmin)))
	if diff := cmp.Diff(map[string]any{"images": []any{want}, "next": nil}, list); diff != "" {
		t.Error(diff)
	}
	p := f.problem(f.want(409, f.do("POST", "/v1/images", `{"repo":"r.example:5000/app:latest","host":"h1"}`, asAdmin)))
	if p.Code != "container.image-already-exists" || !strings.Contains(p.Detail, "r.example:5000/app") {
		t.Errorf("%+v", p)
	}
	f.want(202, f.do("POST", "/v1/images", `{"repo":"r.example:5000/app","tag":"2","host":"h1"}`, asAdmin))
	if a := f.want(200, f.do("DELETE", "/v1/images/"+id, "", asAdmin)); a.text != "null" {
		t.Errorf("delete answers %s", a.text)
	}
	gone := f.untilAsAdmin("/v1/images/"+id, func(a answer) bool { return a.status != 200 })
	if p := f.problem(f.want(400, gone)); p.Code != "container.image-not-found" || p.Detail != "Image "+id+" could not be found." {
		t.Errorf("%+v", p)
	}
}

// TestAFailedPullIsTold, and can be tried again under its UUID.
func TestAFailedPullIsTold(t *testing.T) {
	f, _, _ := newWhole(t)
	body := `{"repo":"missing:1","host":"h1"}`
	id := f.object(f.want(202, f.do("POST", "/v1/images", body, asAdmin)))["uuid"].(string)
	failed := f.object(f.untilAsAdmin("/v1/images/"+id, func(a answer) bool { return strings.Contains(a.text, `"Error"`) }))
	if failed["status_reason"] != "there is none" || failed["image_id"] != nil {
		t.Errorf("%v", failed)
	}
	if again := f.object(f.want(202, f.do("POST", "/v1/images", body, asAdmin, latest))); again["uuid"] != id || again["status"] != "Pulling" {
		t.Errorf("again: %v", again)
	}
	f.untilAsAdmin("/v1/images/"+id, func(a answer) bool { return strings.Contains(a.text, `"Error"`) })
	f.want(200, f.do("DELETE", "/v1/images/"+id, "", asAdmin))
	f.untilAsAdmin("/v1/images/"+id, func(a answer) bool { return a.status == 400 })
}

func TestBadImageRequests(t *testing.T) {
	f, _, _ := newWhole(t)
	for body, says := range map[string]string{
		`{"host":"h1"}`:                                      "'repo' is a required property",
		`{"repo":"nginx"}`:                                   "'host' is a required property",
		`{"repo":"nginx","host":"h2"}`:                       "The host h2 does not exist.",
		`{"repo":"n","host":"h1"}`:                           "repo",
		`{"repo":"a b","host":"h1"}`:                         "repo",
		`{"repo":"nginx","host":"h1","tag":"a b"}`:           "tag",
		`{"repo":"nginx","host":"h1","image_pull_policy":1}`: "image_pull_policy",
		`{"repo":"nginx","host":"h1","registry":"mine"}`:     "('registry' was unexpected)",
	} {
		if p := f.problem(f.want(400, f.do("POST", "/v1/images", body, asAdmin, version("1.40")))); !strings.Contains(p.Detail, says) {
			t.Errorf("%s: %+v", body, p)
		}
	}
	f.want(404, f.do("POST", "/v1/images", `{"repo":"nginx","host":"h1","registry":"mine"}`, asAdmin, latest))
	f.want(403, f.do("POST", "/v1/images", `{"repo":"nginx","host":"h1"}`))
	f.want(403, f.do("GET", "/v1/images", ""))
	f.want(400, f.do("GET", "/v1/images/nginx", "", asAdmin))
	f.want(400, f.do("GET", "/v1/images?marker=aaaaaaaa-0000-4000-8000-000000000001", "", asAdmin))
	f.want(400, f.do("GET", "/v1/images?sort_key=bogus", "", asAdmin))
	f.want(400, f.do("GET", "/v1/images?limit=0", "", asAdmin))
}

// TestImagesOfARegistry: the pull gets the domain and the credentials.
func TestImagesOfARegistry(t *testing.T) {
	f, _, _ := newWhole(t)
	f.want(201, f.do("POST", "/v1/registries", `{"registry":{"name":"mine","domain":"r.example:5000"}}`, asAdmin))
	image := f.object(f.want(202, f.do("POST", "/v1/images", `{"repo":"app:1","host":"h1","registry":"mine"}`, asAdmin, latest)))
	if image["repo"] != "r.example:5000/app" || image["tag"] != "1" || image["registry_id"] == nil {
		t.Errorf("%v", image)
	}
	f.want(400, f.do("POST", "/v1/images", `{"repo":"q.example/app","host":"h1","registry":"mine"}`, asAdmin, latest))
}

func TestImageListPages(t *testing.T) {
	f, _, _ := newWhole(t)
	for i := range 3 {
		f.want(202, f.do("POST", "/v1/images", fmt.Sprintf(`{"repo":"app%d","host":"h1"}`, i), asAdmin))
	}
	first := f.object(f.want(200, f.do("GET", "/v1/images?limit=2&sort_key=repo&sort_dir=desc&host=h1", "", asAdmin)))
	repos := func(page map[string]any) (names []string) {
		for _, i := range page["images"].([]any) {
			names = append(names, i.(map[string]any)["repo"].(string))
		}
		return names
	}
	second := f.object(f.want(200, f.do("GET", strings.TrimPrefix(first["next"].(string), "http://zun:9517"), "", asAdmin)))
	if diff := cmp.Diff([]string{"app2", "app1", "app0"}, append(repos(first), repos(second)...)); diff != "" {
		t.Error(diff)
	}
	if only := f.object(f.want(200, f.do("GET", "/v1/images?repo=app1", "", asAdmin))); len(repos(only)) != 1 {
		t.Errorf("%v", only)
	}
}

func TestImageSearch(t *testing.T) {
	f, _, _ := newWhole(t)
	for path, want := range map[string][]string{
		"nginx":                         {"nginx", "other/nginx"},
		"nginx:1.27":                    {"nginx", "other/nginx"},
		"team/app":                      {"team/app", "other/team/app"},
		"team%2Fapp":                    {"team/app", "other/team/app"},
		"docker.io/library/nginx":       {"nginx", "other/nginx"},
		"docker.io%2Flibrary%2Fnginx":   {"nginx", "other/nginx"},
		"nginx?exact_match=True":        {"nginx"},
		"team/app?exact_match=true":     {"team/app"},
		"nginx?image_driver=docker":     {"nginx", "other/nginx"},
		"nginx?image_driver=None&what=": {"nginx", "other/nginx"},
	} {
		name, query, _ := strings.Cut(path, "?")
		a := f.want(200, f.do("GET", "/v1/images/"+name+"/search?"+query, ""))
		if !strings.HasPrefix(a.text, "[") || strings.Count(a.text, `"name"`) != len(want) {
			t.Errorf("%s: %s", path, a.text)
		}
		for _, found := range want {
			if !strings.Contains(a.text, `"name":"`+found+`"`) {
				t.Errorf("%s: no %s in %s", path, found, a.text)
			}
		}
	}
	for path, status := range map[string]int{
		"nginx/search?image_driver=glance": 501, "nginx/search?image_driver=tar": 400, "nginx/search?exact_match=perhaps": 400,
		"r.example/app/search": 400, "localhost:5000%2Fapp/search": 400, "n/search": 400, "unreachable/search": 503, "a/b/c/d/search": 404,
	} {
		f.want(status, f.do("GET", "/v1/images/"+path, ""))
	}
	if p := f.problem(f.do("GET", "/v1/images/nginx/search?image_driver=glance", "")); !strings.Contains(p.Detail, "Glance") {
		t.Errorf("%+v", p)
	}
	if p := f.problem(f.do("GET", "/v1/images/unreachable/search", "")); !strings.Contains(p.Detail, "cannot reach Docker Hub") {
		t.Errorf("%+v", p)
	}
}
