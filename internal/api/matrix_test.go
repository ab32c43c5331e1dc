package api

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// The states of the thing that a request is about.
const (
	exists = "exists" // in the home project
	absent = "absent"
)

// askers are all who ask: the people, and those without a token that is valid.
func askers() []string {
	return append(slices.Sorted(maps.Keys(people())), "", "expired", "tok en")
}

// isGlobal reports whether the things of a collection belong to no project.
func isGlobal(r route) bool {
	return slices.Contains([]string{"images", "hosts", "services", "quota_classes", "availability_zones"}, segments(r.path)[1])
}

// expectation is what the policy, and who owns what, make of a request.
type expectation struct {
	status int    // 0: it is not refused
	code   string // of the error
}

// refused returns how a request is to be refused, if it is.
func refused(rules *policy.Engine, r route, identity zun.Identity, known bool, state string) expectation {
	forbidden := expectation{http.StatusForbidden, "container.policy-not-authorized"}
	words := segments(r.path)
	hasIdent := strings.Contains(r.path, "{")
	switch {
	case !known:
		return expectation{status: http.StatusUnauthorized}
	case identity.ProjectID == "" || !rules.Allows(identity, r.rule, nil):
		return forbidden
	case r.later:
		return expectation{http.StatusNotImplemented, "container.not-implemented"}
	case words[1] == "quotas":
		if project := map[string]string{exists: homeProject, absent: otherProject}[state]; !rules.Allows(identity, r.rule, policy.Target{"project_id": project}) {
			return forbidden
		}
		return expectation{}
	case words[1] == "quota_classes" || strings.HasSuffix(r.path, "/search") || !hasIdent:
		return expectation{}
	case words[1] == "images" && state == absent:
		return expectation{http.StatusBadRequest, "container.image-not-found"}
	case state == absent:
		return expectation{status: http.StatusNotFound}
	case isGlobal(r) || identity.ProjectID == homeProject || rules.IsAdmin(identity):
		return expectation{}
	}
	return expectation{status: http.StatusNotFound}
}

// matrixCase is one request of the matrix.
type matrixCase struct {
	route route
	asker string
	state string
	want  expectation
}

func (c matrixCase) String() string {
	return fmt.Sprintf("%s %s at 1.%d by %q, %s", c.route.verb, c.route.path, minorOf(c.route), c.asker, c.state)
}

// matrix is every route by everybody on what is there and what is not.
func matrix(rules *policy.Engine) (cases []matrixCase) {
	known := people()
	for _, r := range servedRoutes() {
		states := []string{exists}
		if strings.Contains(r.path, "{") {
			states = append(states, absent)
		}
		for _, asker := range askers() {
			identity, valid := known[asker]
			for _, state := range states {
				cases = append(cases, matrixCase{r, asker, state, refused(rules, r, identity, valid, state)})
			}
		}
	}
	return cases
}

// send does a case's request and returns the answer.
func (w *world) send(c matrixCase, idents []string) answer {
	op := theContract().operations.at(c.route, minorOf(c.route))
	query, body := w.example(op)
	headers := []string{"X-Auth-Token:" + c.asker, version(versionText(minorOf(c.route)))}
	return w.do(c.route.verb, fillPath(c.route.path, idents)+"?"+query, body, headers...)
}

// TestMatrix sends every request that the policy, or who owns what, must refuse, holds the
// refusal against what was computed, and looks that it told nothing and changed nothing.
// Then it sends those that must be done.
func TestMatrix(t *testing.T) {
	w := newWorld(t)
	cases := matrix(w.rules)
	if len(cases) < 1000 {
		t.Errorf("only %d cases", len(cases))
	}
	there := map[string][]string{} // by collection, not changed by what is refused
	for _, c := range cases {
		if key := c.route.path + strconv.Itoa(c.route.max); there[key] == nil && !c.route.later {
			there[key] = w.idents(c.route)
		}
	}
	before := w.settled()
	for _, c := range cases {
		if c.want.status == 0 {
			continue
		}
		idents := there[c.route.path+strconv.Itoa(c.route.max)]
		if c.state == absent || c.route.later {
			idents = []string{uuid.NewString(), "req-" + uuid.NewString()}
			if strings.Contains(c.route.path, "{project_id}") {
				idents = []string{otherProject}
			}
		}
		w.checkRefusal(c, idents, w.send(c, idents))
	}
	if diff := cmp.Diff(before, w.count()); diff != "" {
		t.Errorf("what was refused changed rows: %s", diff)
	}
	done := 0
	for _, c := range cases {
		if c.want.status != 0 {
			continue
		}
		done++
		w.checkDone(c)
	}
	t.Logf("%d cases, %d of them done", len(cases), done)
}

// settled waits until nothing is owed any more and returns the counts of rows.
func (w *world) settled() map[string]int {
	w.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		var owed int
		if err := w.rows.QueryRowContext(w.Context(), `SELECT (SELECT count(*) FROM container_actions WHERE finish_time = 0)
			+ (SELECT count(*) FROM image WHERE status IN ('Pulling', 'Deleting'))`).Scan(&owed); err != nil {
			w.Fatal(err)
		}
		if owed == 0 {
			return w.count()
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.Fatalf("%d actions are still owed", owed)
		}
	}
}

// checkRefusal holds a refusal against what it must be.
func (w *world) checkRefusal(c matrixCase, idents []string, a answer) {
	w.Helper()
	if a.status != c.want.status {
		w.Errorf("%s: %d %.300s, want %d", c, a.status, a.text, c.want.status)
		return
	}
	if c.want.code != "" {
		if p := w.problem(a); p.Code != c.want.code {
			w.Errorf("%s: code %s, want %s", c, p.Code, c.want.code)
		}
	}
	if a.status == http.StatusForbidden && c.want.code != "" && people()[c.asker].ProjectID != "" {
		if p := w.problem(a); p.Detail != "Policy doesn't allow "+c.route.rule+" to be performed." {
			w.Errorf("%s: it says %s", c, p.Detail)
		}
	}
	w.checkSilence(c, idents, a)
}

// checkSilence looks that an answer to somebody of another project names nothing of the
// home project but what was asked for.
func (w *world) checkSilence(c matrixCase, idents []string, a answer) {
	w.Helper()
	identity := people()[c.asker]
	if identity.ProjectID == homeProject || identity.ProjectID != "" && w.rules.IsAdmin(identity) {
		return
	}
	text := a.text
	for _, ident := range idents {
		text = strings.ReplaceAll(text, ident, "")
	}
	for _, secret := range []string{homeProject, "user-owner", "user-manager", "named-", "10.2.0."} {
		if strings.Contains(text, secret) {
			w.Errorf("%s: the answer tells %s: %s", c, secret, a.text)
		}
	}
}

// mayFail names the routes whose example need not succeed in this world, and why.
func mayFail(r route) string {
	switch r.path[strings.LastIndexByte(r.path, '/')+1:] {
	case "network_attach", "network_detach", "add_security_group", "remove_security_group":
		return "it depends on the container's networks"
	case "execute_resize":
		return "there is no such command"
	case "commit":
		return "there is no Glance"
	case "networks":
		if r.verb == del {
			return "containers are on the one network that its query names"
		}
	}
	return ""
}

// checkDone looks that a request that must not be refused is done, on a thing of its own.
func (w *world) checkDone(c matrixCase) {
	w.Helper()
	idents := w.idents(c.route)
	if c.state == absent {
		idents = []string{otherProject}
	}
	a := w.send(c, idents)
	op := theContract().operations.at(c.route, minorOf(c.route))
	_, success := op.Replies[strconv.Itoa(a.status)]
	elsewhere := people()[c.asker].ProjectID != homeProject // where the example's network is not
	excused := (mayFail(c.route) != "" || elsewhere && c.route.verb == post) && (a.status < 500 || a.status == http.StatusNotImplemented) && a.status != 401 && a.status != 403 &&
		!strings.Contains(a.text, "container.container-not-found")
	if !success && !excused {
		w.Errorf("%s: %d %.400s", c, a.status, a.text)
	}
	w.checkSilence(c, idents, a)
}

// What is another project's and what is not there are answered alike, to the letter.
func TestAnotherProjectsThingIsLikeNone(t *testing.T) {
	w := newWorld(t)
	for _, r := range servedRoutes() {
		stranger := people()["stranger"]
		if r.later || !strings.Contains(r.path, "{") || isGlobal(r) || segments(r.path)[1] == "quotas" || !w.rules.Allows(stranger, r.rule, nil) {
			continue
		}
		there, none := w.idents(r), []string{uuid.NewString(), "req-" + uuid.NewString()}
		theirs := w.send(matrixCase{route: r, asker: "stranger"}, there)
		nobodys := w.send(matrixCase{route: r, asker: "stranger"}, none)
		if a, b := strings.ReplaceAll(theirs.text, there[0], "X"), strings.ReplaceAll(nobodys.text, none[0], "X"); theirs.status != 404 || a != b {
			t.Errorf("%s %s: another project's is answered with %d %s\nand none with %s", r.verb, r.path, theirs.status, a, b)
		}
	}
}
