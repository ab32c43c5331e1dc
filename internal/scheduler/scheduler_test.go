package scheduler

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gozun/gozun/zun"
)

func now() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func rules() Rules { return Rules{Now: now(), DownAfter: time.Minute, MemoryRatio: 1.5} }

func host(name string, memory, used int64, containers int) Candidate {
	return Candidate{
		Host:  zun.Host{Name: name, MemoryMiB: memory, Runtimes: []string{"runc"}, LastSeen: now().Add(-time.Second)},
		Usage: zun.HostUsage{Containers: containers, MemoryMiB: used},
	}
}

func down(c Candidate, since time.Duration) Candidate { c.Host.LastSeen = now().Add(-since); return c }
func off(c Candidate) Candidate                       { c.Host.Disabled = true; return c }
func unseen(c Candidate) Candidate                    { c.Host.LastSeen = time.Time{}; return c }

func TestPick(t *testing.T) {
	want := Request{What: "container X", MemoryMiB: 512}
	for name, c := range map[string]struct {
		request Request
		hosts   []Candidate
		host    string
		err     string
	}{
		"the one":            {want, []Candidate{host("a", 4096, 0, 0)}, "a", ""},
		"least memory":       {want, []Candidate{host("a", 4096, 2048, 1), host("b", 4096, 1024, 9)}, "b", ""},
		"fewest containers":  {want, []Candidate{host("a", 4096, 1024, 2), host("b", 4096, 1024, 1)}, "b", ""},
		"first by name":      {want, []Candidate{host("b", 4096, 0, 0), host("a", 4096, 0, 0)}, "a", ""},
		"not the down one":   {want, []Candidate{down(host("a", 4096, 0, 0), time.Hour), host("b", 4096, 4096, 9)}, "b", ""},
		"overcommitted":      {want, []Candidate{host("a", 1024, 1024, 2)}, "a", ""},
		"none":               {want, nil, "", "no host can take container X: there are no hosts"},
		"down":               {want, []Candidate{down(host("a", 4096, 0, 0), 5*time.Minute)}, "", "no host can take container X: 1 of 1 hosts is down (host a: last seen 5m ago)"},
		"wrong":              {want, []Candidate{{Host: host("a", 4096, 0, 0).Host, Wrong: "docker does not answer"}}, "", "1 of 1 hosts is down (host a: last seen 1s ago: docker does not answer)"},
		"never seen":         {want, []Candidate{unseen(host("a", 1, 0, 0))}, "", "host a: never seen"},
		"disabled":           {want, []Candidate{off(host("a", 4096, 0, 0))}, "", "1 of 1 hosts is disabled"},
		"two down, one full": {want, []Candidate{down(host("b", 1, 0, 0), time.Hour*3), host("c", 512, 768, 2), down(host("a", 1, 0, 0), time.Hour*72)}, "", "1 of 3 hosts is full (host c: 768 MiB of 768 MiB are promised to 2 containers, 512 MiB are asked for), 2 of 3 hosts are down (host a: last seen 3d ago; host b: last seen 3h ago)"},
		"too small":          {want, []Candidate{host("a", 256, 0, 0)}, "", "has 256 MiB of memory, 512 MiB are asked for"},
		"no such runtime":    {Request{What: "container X", Runtime: "kata"}, []Candidate{host("a", 1, 0, 0)}, "", "is without runtime kata (host a: has runc)"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Pick(c.request, c.hosts, rules())
			if got != c.host || (err == nil) != (c.err == "") {
				t.Fatalf("host %q, error %v", got, err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.err) || zun.CodeOf(err) != zun.CodeUnavailable) {
				t.Errorf("error %q, want %q", err, c.err)
			}
		})
	}
}

// Whatever the hosts are, either one that fits is picked, or every host is accounted for.
func TestEveryHostIsPickedOrExplained(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var hosts []Candidate
		for range rapid.IntRange(0, 5).Draw(t, "hosts") {
			c := host(rapid.StringMatching(`h[a-z]{3}`).Draw(t, "name"), rapid.Int64Range(0, 2000).Draw(t, "memory"), rapid.Int64Range(0, 3000).Draw(t, "used"), 1)
			if rapid.Bool().Draw(t, "down") {
				c = down(c, time.Hour)
			}
			hosts = append(hosts, c)
		}
		request := Request{What: "it", MemoryMiB: rapid.Int64Range(0, 2000).Draw(t, "asked")}
		name, err := Pick(request, hosts, rules())
		for _, c := range hosts {
			if err != nil && !strings.Contains(err.Error(), "host "+c.Host.Name+":") {
				t.Fatalf("host %s is not explained: %v", c.Host.Name, err)
			}
		}
		if err != nil {
			return
		}
		for _, c := range hosts {
			if c.Host.Name == name && refuse(request, c, rules()) == nil {
				return
			}
		}
		t.Fatalf("host %s does not fit", name)
	})
}
