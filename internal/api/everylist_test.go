package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// listRoutes are the collections that come in pages.
func listRoutes() (lists []route) {
	c := theContract()
	for _, r := range servedRoutes() {
		op := c.operations.at(r, minorOf(r))
		if r.later || r.verb != get || op == nil || op.Replies["200"] == "" {
			continue
		}
		if file := fileAt(descriptionFiles, "schema/reply", op.Replies["200"], minorOf(r)); c.file(file).Properties["next"] != nil {
			lists = append(lists, r)
		}
	}
	return lists
}

// page gets one page of a list and returns its items.
func (w *world) page(target, token, minor string) (items []map[string]any, next string) {
	w.Helper()
	body := w.object(w.want(200, w.do("GET", target, "", "X-Auth-Token:"+token, minor)))
	for key, value := range body {
		if key == "next" {
			next, _ = value.(string)
			continue
		}
		for _, item := range value.([]any) {
			items = append(items, item.(map[string]any))
		}
	}
	return items, next
}

// keyOf is what tells the items of a list apart.
func keyOf(item map[string]any) string {
	for _, name := range []string{"uuid", "availability_zone"} {
		if text, is := item[name].(string); is {
			return text
		}
	}
	return fmt.Sprint(item)
}

// described returns the parameters of a list, and whether it refuses others.
func described(r route) (properties map[string]any, closed bool) {
	query, _ := theContract().operations.at(r, minorOf(r)).Query.(map[string]any)
	properties, _ = query["properties"].(map[string]any)
	return properties, query["additionalProperties"] == false
}

// populate has several things in a collection, of two projects where it has any.
func (w *world) populate(r route) {
	w.Helper()
	one := route{verb: get, path: r.path + "/{id}"}
	for range 3 {
		w.idents(one)
	}
	if r.path == "/v1/containers" {
		w.container(otherProject, "user-stranger", "Running")
	}
	w.settled() // a status that changes between two pages is no fault of the list
}

// Every list, followed page by page in either direction, shows each thing once, to whoever
// may see it, and its next pages keep what was asked for.
func TestEveryListComesInPages(t *testing.T) {
	w := newWorld(t)
	lists := listRoutes()
	if len(lists) < 2 {
		t.Fatalf("only %d lists", len(lists))
	}
	for _, r := range lists {
		w.populate(r)
		minor := version(versionText(minorOf(r)))
		parameters, _ := described(r)
		for _, query := range []string{"", "sort_dir=desc", "sort_dir=asc"} {
			whole, next := w.page(r.path+"?"+query, "manager", minor)
			if next != "" || len(whole) == 0 {
				t.Errorf("%s?%s: %d items and next %q", r.path, query, len(whole), next)
			}
			if parameters["all_projects"] != nil {
				if more, _ := w.page(r.path+"?all_projects=True&"+query, "manager", minor); r.path == "/v1/containers" && len(more) != len(whole)+1 {
					t.Errorf("%s: %d items of all projects, %d of one's own", r.path, len(more), len(whole))
				}
			}
			w.follow(r, query, minor, whole)
		}
	}
}

// follow walks a list page by page and compares it with the whole.
func (w *world) follow(r route, query, minor string, whole []map[string]any) {
	w.Helper()
	var keys, want []string
	for _, item := range whole {
		want = append(want, keyOf(item))
	}
	target, pages := r.path+"?limit=1&"+query, 0
	for target != "" && pages < len(whole)+3 {
		items, next := w.page(target, "manager", minor)
		pages++
		if len(items) > 1 || len(items) == 1 && next == "" || len(items) == 0 && next != "" {
			w.Errorf("%s: %d items and next %q", target, len(items), next)
		}
		for _, item := range items {
			keys = append(keys, keyOf(item))
		}
		if next == "" {
			break
		}
		u := mustURL(next)
		values := u.Query()
		if u.Scheme != "http" || u.Host != "zun:9517" || u.Path != r.path || values.Get("limit") != "1" || len(items) == 1 && values.Get("marker") != keyOf(items[0]) ||
			strings.Contains(query, "desc") != (values.Get("sort_dir") == "desc") || values.Get("sort_key") == "" {
			w.Errorf("%s: next is %s", target, next)
		}
		target = u.RequestURI()
	}
	if !slices.Equal(keys, want) {
		w.Errorf("%s?%s page by page is %v\nat once it is %v", r.path, query, keys, want)
	}
}

// Every filter that a list is said to have narrows it, and is in its next.
func TestEveryFilterNarrowsAndIsKept(t *testing.T) {
	w := newWorld(t)
	for _, r := range listRoutes() {
		w.populate(r)
		minor := version(versionText(minorOf(r)))
		parameters, _ := described(r)
		items, _ := w.page(r.path, "manager", minor)
		for _, name := range sortedKeys(parameters) {
			value, known := items[0][name]
			if !known || value == nil || value == "" {
				continue
			}
			text := fmt.Sprint(value)
			filter := url.Values{name: {text}}.Encode()
			found, next := w.page(r.path+"?limit=1&"+filter, "manager", minor)
			if len(found) != 1 || fmt.Sprint(found[0][name]) != text {
				t.Errorf("%s?%s: %v", r.path, filter, found)
			}
			if next == "" || mustURL(next).Query().Get(name) != text {
				t.Errorf("%s?%s: next is %q", r.path, filter, next)
			}
			if none, next := w.page(r.path+"?"+url.Values{name: {other(text)}}.Encode(), "manager", minor); len(none) != 0 && !differ(none, name, text) || next != "" {
				t.Errorf("%s by another %s: %d items, next %q", r.path, name, len(none), next)
			}
		}
		if parameters["all_projects"] != nil {
			if _, next := w.page(r.path+"?limit=1&all_projects=1", "manager", minor); mustURL(next).Query().Get("all_projects") != "True" {
				t.Errorf("%s: next is %q", r.path, next)
			}
		}
	}
}

// other is a value of the same kind as a filter's that fits nothing or something else.
func other(text string) string {
	switch text {
	case "true":
		return "false"
	case "false":
		return "true"
	}
	if strings.Trim(text, "0123456789") == "" {
		return "7" + text
	}
	return text + "-not"
}

// differ reports whether none of the items has the value.
func differ(items []map[string]any, name, text string) bool {
	return !slices.ContainsFunc(items, func(item map[string]any) bool { return fmt.Sprint(item[name]) == text })
}

// Every list refuses what it cannot do in the same words.
func TestEveryListRefusesBadPages(t *testing.T) {
	w := newWorld(t)
	for _, r := range listRoutes() {
		w.populate(r)
		_, closed := described(r)
		minor := version(versionText(minorOf(r)))
		for query, want := range map[string]struct {
			status int
			says   string
		}{
			"limit=0": {400, "Limit must be positive integer"}, "limit=-1": {400, "Limit must be positive integer"}, "limit=x": {400, "Limit must be positive integer"},
			"limit=1.5": {400, "Limit must be positive integer"}, "sort_dir=up": {400, "asc or desc"}, "sort_key=nonsense": {400, "nonsense"},
			"sort_key='": {400, ""}, "marker=00000000-0000-4000-8000-00000000dead": {404, "could not be found"},
			"limit=1&limit=2": {400, ""}, "marker=a&marker=b": {400, ""}, "sort_dir=asc&sort_dir=desc": {400, ""},
		} {
			a := w.do("GET", r.path+"?"+query, "", "X-Auth-Token: manager", minor)
			if want.status == 404 && r.path == "/v1/images" {
				want.status = 400 // where no such image is a 400, as in Zun
			}
			if a.status != want.status || !strings.Contains(w.problem(a).Detail, want.says) {
				t.Errorf("%s?%s: %d %.300s", r.path, query, a.status, a.text)
			}
		}
		a := w.do("GET", r.path+"?nonsense=1", "", "X-Auth-Token: manager", minor)
		if closed && (a.status != 400 || w.problem(a).Detail != "Unknown parameters: nonsense") || !closed && a.status != 200 {
			t.Errorf("%s?nonsense=1: %d %s", r.path, a.status, a.text)
		}
	}
}

// A thing that was made is at its links and at Location, and only single things have links
// where lists have none.
func TestEveryThingIsWhereItsLinksSay(t *testing.T) {
	w := newWorld(t)
	for _, r := range servedRoutes() {
		words := segments(r.path)
		if r.later || r.verb != post || len(words) != 2 || r.path == "/v1/networks" && !r.ours {
			continue
		}
		minor := version(versionText(minorOf(r)))
		_, body := w.example(theContract().operations.at(r, minorOf(r)))
		a := w.do("POST", r.path, body, "X-Auth-Token: manager", minor)
		object := w.object(a)
		if inner, is := object[strings.TrimSuffix(words[1], "ies")+"y"].(map[string]any); is {
			object = inner
		}
		id, _ := object["uuid"].(string)
		self, bookmark := "http://zun:9517/v1/"+words[1]+"/"+id, "http://zun:9517/"+words[1]+"/"+id
		links, _ := object["links"].([]any)
		if a.status >= 300 || len(links) != 2 || links[0].(map[string]any)["href"] != self || links[1].(map[string]any)["href"] != bookmark || a.header.Get("Location") != self {
			t.Errorf("POST %s: %d, Location %s, %s", r.path, a.status, a.header.Get("Location"), a.text)
		}
		for _, address := range []string{self, bookmark} {
			if a := w.do("GET", mustURL(address).Path, "", "X-Auth-Token: manager", minor); a.status != http.StatusOK || !strings.Contains(a.text, id) {
				t.Errorf("GET %s: %d %s", address, a.status, a.text)
			}
		}
	}
}

// unique says of every collection whether it takes the same thing twice.
func unique() map[string]int {
	return map[string]int{
		"/v1/containers": 202, // names are not unique, as in Zun without unique_container_name_scope
		"/v1/networks":   409,
		"/v1/capsules":   202,
		"/v1/images":     409, // by repository, tag and host
		"/v1/registries": 201,
	}
}

func TestTheSameThingTwice(t *testing.T) {
	w := newWorld(t)
	for _, r := range servedRoutes() {
		if r.later || r.verb != post || len(segments(r.path)) != 2 || r.path == "/v1/networks" && !r.ours {
			continue
		}
		want, said := unique()[r.path]
		if !said {
			t.Errorf("say in unique() what POST %s answers to the same thing twice", r.path)
			continue
		}
		minor := version(versionText(minorOf(r)))
		_, body := w.example(theContract().operations.at(r, minorOf(r)))
		w.do("POST", r.path, body, "X-Auth-Token: manager", minor)
		before := w.settled()
		a := w.do("POST", r.path, body, "X-Auth-Token: manager", minor)
		if a.status != want {
			t.Errorf("POST %s twice: %d %s, want %d", r.path, a.status, a.text, want)
		}
		if after := w.settled(); want >= 400 && fmt.Sprint(before) != fmt.Sprint(after) {
			t.Errorf("POST %s twice: rows were %v and are %v", r.path, before, after)
		}
	}
}
