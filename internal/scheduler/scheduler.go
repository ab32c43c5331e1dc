package scheduler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gozun/gozun/zun"
)

// Request is what a container needs of its host.
type Request struct {
	What          string  // named in refusals, "container <id>"
	CPU           float64 // cores
	MemoryMiB     int64
	DiskGiB       int64             // 0: no disk of its own
	Runtime       string            // "" is any
	Zone          string            // "" is any
	Host          string            // the only one that is looked at; "" is any
	Labels        map[string]string // that the host must have
	SameHost      []Peer            // on a host of one of them, if there are any
	DifferentHost []Peer            // on no host of theirs
}

// Peer is a container whose place matters to another's.
type Peer struct {
	ID   string
	Host string // "" is none
}

// Candidate is a host with what is placed on it already.
type Candidate struct {
	Host    zun.Host
	Service zun.Service // the zero Service: the host has none
	Usage   zun.HostUsage
	Wrong   string // what is wrong with it just now, as it said when last asked; "" is nothing
}

// Rules are the operator's choices. A ratio of 0 does not limit.
type Rules struct {
	Now       time.Time
	DownAfter time.Duration // a host not seen for so long is down

	CPURatio    float64 // cores that may be promised, per core of the host
	MemoryRatio float64
	DiskRatio   float64

	ReservedCPUs      int // kept for the host itself, before the ratio
	ReservedMemoryMiB int64
	ReservedDiskGiB   int64
}

// Pick returns the name of the least loaded host that passes every filter: the one with
// the smallest part of its memory promised, then the fewest containers, then the first by
// name. If there is none, the CodeUnavailable error counts and names the refusals.
func Pick(request Request, candidates []Candidate, rules Rules) (string, error) {
	if request.Host != "" {
		candidates = slices.DeleteFunc(slices.Clone(candidates), func(c Candidate) bool { return c.Host.Name != request.Host })
	}
	var fit []Candidate
	refused := map[string][]string{}
	for _, candidate := range candidates {
		if r := refuse(request, candidate, rules); r != nil {
			refused[r.kind] = append(refused[r.kind], "host "+candidate.Host.Name+": "+r.detail)
			continue
		}
		fit = append(fit, candidate)
	}
	if len(fit) == 0 {
		return "", explain(request, len(candidates), refused)
	}
	return slices.MinFunc(fit, lessLoaded).Host.Name, nil
}

func refuse(request Request, candidate Candidate, rules Rules) *refusal {
	for _, f := range filters() {
		if r := f(request, candidate, rules); r != nil {
			return r
		}
	}
	return nil
}

func lessLoaded(a, b Candidate) int {
	return cmp.Or(
		cmp.Compare(promised(a), promised(b)),
		cmp.Compare(a.Usage.Containers, b.Usage.Containers),
		cmp.Compare(a.Host.Name, b.Host.Name),
	)
}

func promised(c Candidate) float64 {
	if c.Host.MemoryMiB <= 0 {
		return 1
	}
	return float64(c.Usage.MemoryMiB) / float64(c.Host.MemoryMiB)
}

func explain(request Request, total int, refused map[string][]string) error {
	switch {
	case total == 0 && request.Host != "":
		return zun.Errorf(zun.CodeUnavailable, "no host can take %s: host %s was asked for, and there is none of that name", request.What, request.Host)
	case total == 0:
		return zun.Errorf(zun.CodeUnavailable, "no host can take %s: there are no hosts", request.What)
	}
	var parts []string
	for kind, hosts := range refused {
		verb := "are"
		if len(hosts) == 1 {
			verb = "is"
		}
		slices.Sort(hosts)
		of := fmt.Sprintf("%d of %d hosts", len(hosts), total)
		if request.Host != "" {
			of = "the host that was asked for"
		}
		parts = append(parts, fmt.Sprintf("%s %s %s (%s)", of, verb, kind, strings.Join(hosts, "; ")))
	}
	slices.Sort(parts)
	return zun.Errorf(zun.CodeUnavailable, "no host can take %s: %s", request.What, strings.Join(parts, ", "))
}

// Down returns why the service of a host counts as down, or "" when it is up. wrong is
// what is wrong with the host just now, "" for nothing.
func Down(service zun.Service, wrong string, rules Rules) string {
	age := rules.Now.Sub(service.LastSeen)
	switch {
	case service.ForcedDown:
		return "forced down by the operator"
	case service.LastSeen.IsZero():
		return strings.TrimSuffix("never seen: "+wrong, ": ")
	case wrong != "":
		return fmt.Sprintf("last seen %s ago: %s", ago(age), wrong)
	case age > rules.DownAfter:
		return "last seen " + ago(age) + " ago"
	}
	return ""
}

// ago writes a duration with its largest unit only.
func ago(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	default:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	}
}
