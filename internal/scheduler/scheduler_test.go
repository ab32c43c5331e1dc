package scheduler

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gozun/gozun/zun"
)

func now() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func rules() Rules {
	return Rules{Now: now(), DownAfter: time.Minute, CPURatio: 16, MemoryRatio: 1.5, DiskRatio: 1}
}

func host(name string, memory, used int64, containers int) Candidate {
	return Candidate{
		Host:    zun.Host{Name: name, CPUs: 2, MemoryMiB: memory, Runtimes: []string{"runc"}},
		Service: zun.Service{Host: name, AvailabilityZone: "nova", LastSeen: now().Add(-time.Second)},
		Usage:   zun.HostUsage{Containers: containers, MemoryMiB: used},
	}
}

func down(c Candidate, since time.Duration) Candidate {
	c.Service.LastSeen = now().Add(-since)
	return c
}

func off(c Candidate, why string) Candidate {
	c.Service.Disabled, c.Service.DisabledReason = true, why
	return c
}

func unseen(c Candidate) Candidate          { c.Service.LastSeen = time.Time{}; return c }
func forced(c Candidate) Candidate          { c.Service.ForcedDown = true; return c }
func in(zone string, c Candidate) Candidate { c.Service.AvailabilityZone = zone; return c }

func labelled(c Candidate, labels map[string]string) Candidate { c.Host.Labels = labels; return c }

func using(c Candidate, cpu float64) Candidate { c.Usage.CPU = cpu; return c }

func withDisk(c Candidate, total, used int64) Candidate {
	c.Host.DiskQuota, c.Host.DiskGiB, c.Usage.DiskGiB = true, total, used
	return c
}

func TestPick(t *testing.T) {
	want := Request{What: "container X", MemoryMiB: 512}
	for name, c := range map[string]struct {
		request Request
		hosts   []Candidate
		host    string
		err     string
	}{
		"the one":                {want, []Candidate{host("a", 4096, 0, 0)}, "a", ""},
		"least memory":           {want, []Candidate{host("a", 4096, 2048, 1), host("b", 4096, 1024, 9)}, "b", ""},
		"fewest containers":      {want, []Candidate{host("a", 4096, 1024, 2), host("b", 4096, 1024, 1)}, "b", ""},
		"first by name":          {want, []Candidate{host("b", 4096, 0, 0), host("a", 4096, 0, 0)}, "a", ""},
		"not the down one":       {want, []Candidate{down(host("a", 4096, 0, 0), time.Hour), host("b", 4096, 4096, 9)}, "b", ""},
		"overcommitted":          {want, []Candidate{host("a", 1024, 1024, 2)}, "a", ""},
		"none":                   {want, nil, "", "no host can take container X: there are no hosts"},
		"down":                   {want, []Candidate{down(host("a", 4096, 0, 0), 5*time.Minute)}, "", "no host can take container X: 1 of 1 hosts is down (host a: last seen 5m ago)"},
		"wrong":                  {want, []Candidate{{Host: host("a", 4096, 0, 0).Host, Service: host("a", 0, 0, 0).Service, Wrong: "docker does not answer"}}, "", "1 of 1 hosts is down (host a: last seen 1s ago: docker does not answer)"},
		"never seen":             {want, []Candidate{unseen(host("a", 1, 0, 0))}, "", "host a: never seen"},
		"disabled":               {want, []Candidate{off(host("a", 4096, 0, 0), "")}, "", "1 of 1 hosts is disabled (host a: disabled by the operator)"},
		"two down, one full":     {want, []Candidate{down(host("b", 1, 0, 0), time.Hour*3), host("c", 512, 768, 2), down(host("a", 1, 0, 0), time.Hour*72)}, "", "1 of 3 hosts is full (host c: 768 of 768 MiB of memory are promised to 2 containers, 512 are asked for), 2 of 3 hosts are down (host a: last seen 3d ago; host b: last seen 3h ago)"},
		"too small":              {want, []Candidate{host("a", 256, 0, 0)}, "", "has 256 MiB of memory, 512 are asked for"},
		"disabled with a reason": {want, []Candidate{off(host("a", 4096, 0, 0), "new disk")}, "", "(host a: disabled by the operator: new disk)"},
		"not the disabled one":   {want, []Candidate{off(host("a", 4096, 0, 0), ""), host("b", 4096, 4096, 9)}, "b", ""},
		"not the forced one":     {want, []Candidate{forced(host("a", 4096, 0, 0)), host("b", 4096, 4096, 9)}, "b", ""},
		"forced down":            {want, []Candidate{forced(host("a", 4096, 0, 0))}, "", "1 of 1 hosts is down (host a: forced down by the operator)"},
		"no service":             {want, []Candidate{{Host: host("a", 4096, 0, 0).Host, Wrong: "it is not connected"}}, "", "host a: never seen: it is not connected"},
		"the zone":               {Request{What: "X", Zone: "west"}, []Candidate{host("a", 1, 0, 0), in("west", host("b", 1, 1, 9))}, "b", ""},
		"no zone":                {Request{What: "X", Zone: "west"}, []Candidate{host("a", 1, 0, 0)}, "", "1 of 1 hosts is not in availability zone west (host a: in nova)"},
		"the host":               {Request{What: "X", Host: "b"}, []Candidate{host("a", 1, 0, 0), host("b", 1, 1, 9)}, "b", ""},
		"no such host":           {Request{What: "X", Host: "c"}, []Candidate{host("a", 1, 0, 0)}, "", "no host can take X: host c was asked for, and there is none of that name"},
		"the host is disabled":   {Request{What: "X", Host: "b"}, []Candidate{host("a", 1, 0, 0), off(host("b", 1, 0, 0), "")}, "", "no host can take X: the host that was asked for is disabled (host b: disabled by the operator)"},
		"the label":              {Request{What: "X", Labels: map[string]string{"ssd": "1"}}, []Candidate{host("a", 1, 0, 0), labelled(host("b", 1, 1, 9), map[string]string{"ssd": "1", "x": ""})}, "b", ""},
		"no label":               {Request{What: "X", Labels: map[string]string{"ssd": "1"}}, []Candidate{host("a", 1, 0, 0)}, "", "is without label ssd=1 (host a: has no ssd)"},
		"another label":          {Request{What: "X", Labels: map[string]string{"ssd": "1"}}, []Candidate{labelled(host("a", 1, 0, 0), map[string]string{"ssd": "2"})}, "", "is without label ssd=1 (host a: has ssd=2)"},
		"beside one of them":     {Request{What: "X", SameHost: []Peer{{"c1", "b"}, {"c2", ""}}}, []Candidate{host("a", 1, 0, 0), host("b", 1, 1, 9)}, "b", ""},
		"beside none":            {Request{What: "X", SameHost: []Peer{{"c1", ""}}}, []Candidate{host("a", 1, 0, 0)}, "", "is without the containers of the hint same_host (host a: none of them is there)"},
		"apart from both":        {Request{What: "X", DifferentHost: []Peer{{"c1", "a"}, {"c2", "b"}, {"c3", ""}}}, []Candidate{host("a", 1, 0, 0), host("b", 1, 0, 0), host("c", 1, 1, 9)}, "c", ""},
		"nowhere apart":          {Request{What: "X", DifferentHost: []Peer{{"c1", "a"}}}, []Candidate{host("a", 1, 0, 0)}, "", "is excluded by the hint different_host (host a: container c1 is there)"},
		"the last tenth":         {Request{What: "X", CPU: 0.1}, []Candidate{using(host("a", 1, 0, 0), 31.900000000000002)}, "a", ""},
		"too few cores":          {Request{What: "X", CPU: 2.5}, []Candidate{host("a", 1, 0, 0)}, "", "is too small (host a: has 2 cores, 2.5 are asked for)"},
		"no cores left":          {Request{What: "X", CPU: 1}, []Candidate{using(host("a", 1, 0, 3), 31.5)}, "", "is full (host a: 31.5 of 32 cores are promised to 3 containers, 1 are asked for)"},
		"nothing asked":          {Request{What: "X"}, []Candidate{host("a", 1024, 9999, 3)}, "a", ""},
		"the disk":               {Request{What: "X", DiskGiB: 5}, []Candidate{host("a", 1, 0, 0), withDisk(host("b", 1, 1, 9), 10, 5)}, "b", ""},
		"no disk quota":          {Request{What: "X", DiskGiB: 5}, []Candidate{host("a", 1, 0, 0)}, "", "is without disk quota (host a: its storage driver cannot bound a container's disk"},
		"no disk left":           {Request{What: "X", DiskGiB: 5}, []Candidate{withDisk(host("a", 1, 0, 2), 10, 6)}, "", "6 of 10 GiB of disk are promised to 2 containers, 5 are asked for"},
		"no such runtime":        {Request{What: "container X", Runtime: "kata"}, []Candidate{host("a", 1, 0, 0)}, "", "is without runtime kata (host a: has runc)"},
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
			if rapid.Bool().Draw(t, "off") {
				c = off(c, "")
			}
			c = using(in(rapid.SampledFrom([]string{"nova", "west"}).Draw(t, "zone"), c), rapid.Float64Range(0, 40).Draw(t, "cpu"))
			hosts = append(hosts, c)
		}
		request := Request{
			What: "it", MemoryMiB: rapid.Int64Range(0, 2000).Draw(t, "asked"), CPU: rapid.Float64Range(0, 3).Draw(t, "cores"),
			Zone: rapid.SampledFrom([]string{"", "nova", "west"}).Draw(t, "wanted"),
		}
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

func TestWhatTheHostKeepsForItself(t *testing.T) {
	r := rules()
	r.ReservedCPUs, r.ReservedMemoryMiB, r.ReservedDiskGiB = 1, 1024, 3
	for name, c := range map[string]struct {
		request Request
		host    Candidate
		err     string
	}{
		"just fits":       {Request{What: "X", CPU: 1, MemoryMiB: 1024, DiskGiB: 7}, withDisk(host("a", 2048, 512, 1), 10, 0), ""},
		"memory too much": {Request{What: "X", MemoryMiB: 1025}, host("a", 2048, 0, 0), "has 2048 MiB of memory of which 1024 are its own, 1025 are asked for"},
		"memory full":     {Request{What: "X", MemoryMiB: 1024}, host("a", 2048, 513, 1), "513 of 1536 MiB of memory are promised"},
		"cores":           {Request{What: "X", CPU: 1.5}, host("a", 2048, 0, 0), "has 2 cores of which 1 are its own, 1.5 are asked for"},
		"disk":            {Request{What: "X", DiskGiB: 8}, withDisk(host("a", 2048, 0, 0), 10, 0), "has 10 GiB of disk of which 3 are its own"},
		"nothing is left": {Request{What: "X", MemoryMiB: 1}, host("a", 512, 0, 0), "has 512 MiB of memory of which 1024 are its own"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Pick(c.request, []Candidate{c.host}, r)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
	free := rules()
	free.CPURatio, free.MemoryRatio, free.DiskRatio = 0, 0, 0
	if name, err := Pick(Request{What: "X", CPU: 99, MemoryMiB: 99, DiskGiB: 99}, []Candidate{withDisk(host("a", 1, 0, 0), 1, 0)}, free); name != "a" {
		t.Errorf("without ratios: %v", err)
	}
}

func TestPickDoesNotReorderTheCandidates(t *testing.T) {
	all := []Candidate{host("b", 1, 0, 0), host("a", 1, 0, 0)}
	if _, err := Pick(Request{What: "X", Host: "a"}, all, rules()); err != nil || all[0].Host.Name != "b" || all[1].Host.Name != "a" {
		t.Errorf("%v, %v", all, err)
	}
}
