package node

import (
	"testing"
	"time"

	"github.com/gozun/gozun/zun"
)

func TestJudge(t *testing.T) {
	t0 := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }
	up := func(role Role, since int) *State {
		return &State{Role: role, Phase: PhaseRunning, StartedAt: at(since)}
	}
	down := func(role Role, since, until int) *State {
		return &State{Role: role, Phase: PhaseExited, StartedAt: at(since), FinishedAt: at(until)}
	}
	const sandbox, app = RoleSandbox, RoleContainer
	for name, c := range map[string]struct {
		status zun.Status
		auto   bool
		seen   seen
		want   verdict
	}{
		"runs as recorded":                           {zun.StatusRunning, false, seen{up(sandbox, 0), up(app, 1)}, verdictFine},
		"ended by itself":                            {zun.StatusRunning, false, seen{up(sandbox, 0), down(app, 1, 9)}, verdictReport},
		"paused by hand":                             {zun.StatusRunning, false, seen{up(sandbox, 0), &State{Phase: PhasePaused, StartedAt: at(1)}}, verdictReport},
		"restarting by its policy":                   {zun.StatusRunning, false, seen{up(sandbox, 0), &State{Phase: PhaseRestarting, StartedAt: at(1), FinishedAt: at(2)}}, verdictReport},
		"went down with its sandbox":                 {zun.StatusRunning, false, seen{down(sandbox, 0, 9), down(app, 1, 9)}, verdictRevive},
		"outlived its sandbox by the stop's grace":   {zun.StatusRunning, false, seen{down(sandbox, 0, 9), down(app, 1, 19)}, verdictRevive},
		"ended well before its sandbox":              {zun.StatusRunning, false, seen{down(sandbox, 0, 900), down(app, 1, 9)}, verdictReport},
		"sandbox killed under it":                    {zun.StatusRunning, false, seen{down(sandbox, 0, 9), up(app, 1)}, verdictRevive},
		"sandbox removed under it":                   {zun.StatusRunning, false, seen{nil, up(app, 1)}, verdictRevive},
		"sandbox back, container not yet":            {zun.StatusRunning, false, seen{up(sandbox, 20), down(app, 1, 9)}, verdictRevive},
		"sandbox back, container in the old one":     {zun.StatusRunning, false, seen{up(sandbox, 20), up(app, 1)}, verdictRevive},
		"was being brought back":                     {zun.StatusRestarting, false, seen{down(sandbox, 0, 9), down(app, 1, 9)}, verdictRevive},
		"is back":                                    {zun.StatusRestarting, false, seen{up(sandbox, 20), up(app, 21)}, verdictReport},
		"stopped, and down since with its sandbox":   {zun.StatusStopped, false, seen{down(sandbox, 0, 9), down(app, 1, 5)}, verdictFine},
		"started by hand":                            {zun.StatusStopped, false, seen{up(sandbox, 0), up(app, 5)}, verdictReport},
		"never started":                              {zun.StatusCreated, false, seen{up(sandbox, 0), &State{Phase: PhaseCreated}}, verdictFine},
		"lost":                                       {zun.StatusRunning, false, seen{up(sandbox, 0), nil}, verdictReport},
		"lost all":                                   {zun.StatusStopped, false, seen{}, verdictReport},
		"removed as asked":                           {zun.StatusRunning, true, seen{up(sandbox, 0), nil}, verdictReport},
		"failed to be made":                          {zun.StatusError, false, seen{}, verdictFine},
		"failed to start":                            {zun.StatusError, false, seen{up(sandbox, 0), &State{Phase: PhaseCreated}}, verdictFine},
		"failed, but runs":                           {zun.StatusError, false, seen{up(sandbox, 0), up(app, 1)}, verdictReport},
		"is being made":                              {zun.StatusCreating, false, seen{up(sandbox, 0), nil}, verdictFine},
		"is being deleted":                           {zun.StatusDeleting, false, seen{up(sandbox, 0), down(app, 1, 2)}, verdictFine},
		"unknown to the records, and runs in Docker": {zun.StatusUnknown, false, seen{up(sandbox, 0), up(app, 1)}, verdictReport},
	} {
		if got := judge(zun.Container{Status: c.status, AutoRemove: c.auto}, c.seen); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestStatusAndDetail(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, c := range []struct {
		state  State
		status zun.Status
		detail string
	}{
		{State{Phase: PhaseRunning, StartedAt: ago(5 * time.Minute)}, zun.StatusRunning, "Up 5 mins"},
		{State{Phase: PhaseRunning, StartedAt: ago(time.Second)}, zun.StatusRunning, "Up 1 second"},
		{State{Phase: PhaseRunning, StartedAt: ago(-time.Second)}, zun.StatusRunning, "Up 0 seconds"},
		{State{Phase: PhaseRunning, StartedAt: ago(49 * time.Hour)}, zun.StatusRunning, "Up 2 days"},
		{State{Phase: PhasePaused, StartedAt: ago(time.Hour)}, zun.StatusPaused, "Up 1 hour (paused)"},
		{State{Phase: PhaseExited, ExitCode: 137, FinishedAt: ago(2 * time.Minute)}, zun.StatusStopped, "Exited(137) 2 mins ago"},
		{State{Phase: PhaseRestarting, ExitCode: 1, FinishedAt: ago(3 * time.Second)}, zun.StatusRestarting, "Restarting(1) 3 seconds ago"},
		{State{Phase: PhaseCreated}, zun.StatusCreated, "Created"},
		{State{Phase: PhaseDead}, zun.StatusDead, "Dead"},
		{State{Phase: PhaseRemoving}, zun.StatusStopped, "Removal in progress"},
		{State{Phase: "melting"}, zun.StatusUnknown, ""},
	} {
		if status, detail := statusOf(c.state.Phase), detailOf(c.state, now); status != c.status || detail != c.detail {
			t.Errorf("%+v: got %s, %q, want %s, %q", c.state, status, detail, c.status, c.detail)
		}
	}
}

func TestHostnames(t *testing.T) {
	const id = "0123456789abcdef"
	for name, want := range map[string]string{
		"web": "web", "web_1": "web-1", "Web.Server": "Web-Server", "__": "0123456789ab", "": "0123456789ab", "ümläut": "mlut",
		"a123456789012345678901234567890123456789012345678901234567890123456789": "a12345678901234567890123456789012345678901234567890123456789012",
	} {
		if got := hostname(zun.Container{ID: id, Name: name}); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if got := hostname(zun.Container{ID: id, Name: "web", Hostname: "db.example"}); got != "db.example" {
		t.Errorf("got %q, want what was asked for", got)
	}
}

// A removal behind our back kills the process first: who is to be healed after it has not
// ended by himself.
func TestWhoIsRemovedHasNotEnded(t *testing.T) {
	app := &State{Role: RoleContainer, Phase: PhaseRemoving, StartedAt: time.Now(), FinishedAt: time.Now()}
	s := seen{&State{Role: RoleSandbox, Phase: PhaseRunning}, app}
	for name, test := range map[string]struct {
		heals, removes bool
		want           verdict
		status         zun.Status
	}{
		"heals":                     {true, false, verdictFine, ""},
		"does not":                  {false, false, verdictReport, zun.StatusStopped},
		"is to go with its end":     {true, true, verdictReport, zun.StatusStopped},
		"is to go, and that is all": {false, true, verdictReport, zun.StatusStopped},
	} {
		c := zun.Container{Status: zun.StatusRunning, AutoHeal: test.heals, AutoRemove: test.removes}
		if got := judge(c, s); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
		if got := New(Config{Host: "h"}).observation(c, s).Status; got != test.status {
			t.Errorf("%s: it shows %q, want %q", name, got, test.status)
		}
	}
}
