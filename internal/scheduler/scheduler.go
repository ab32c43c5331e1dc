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
	What      string // named in refusals, "container <id>"
	MemoryMiB int64
	Runtime   string // "" is any
}

// Candidate is a host with what is placed on it already.
type Candidate struct {
	Host  zun.Host
	Usage zun.HostUsage
	Wrong string // what is wrong with it just now, as it said when last asked; "" is nothing
}

// Rules are the operator's choices.
type Rules struct {
	Now         time.Time
	DownAfter   time.Duration // a host not seen for so long is down
	MemoryRatio float64       // memory that may be promised, per memory of the host; 0 does not limit
}

// filter returns why a host cannot take a request, or nil.
type filter func(Request, Candidate, Rules) *refusal

// refusal is one host's reason. Refusals of the same kind are counted together.
type refusal struct {
	kind   string // completes "1 of 2 hosts "
	detail string // about this host
}

func filters() []filter { return []filter{enabled, seenLately, hasRuntime, hasMemory} }

// Pick returns the name of the least loaded host that passes every filter: the one with
// the smallest part of its memory promised, then the fewest containers, then the first by
// name. If there is none, the CodeUnavailable error counts and names the refusals.
func Pick(request Request, candidates []Candidate, rules Rules) (string, error) {
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
	if total == 0 {
		return zun.Errorf(zun.CodeUnavailable, "no host can take %s: there are no hosts", request.What)
	}
	var parts []string
	for kind, hosts := range refused {
		verb := "are"
		if len(hosts) == 1 {
			verb = "is"
		}
		slices.Sort(hosts)
		parts = append(parts, fmt.Sprintf("%d of %d hosts %s %s (%s)", len(hosts), total, verb, kind, strings.Join(hosts, "; ")))
	}
	slices.Sort(parts)
	return zun.Errorf(zun.CodeUnavailable, "no host can take %s: %s", request.What, strings.Join(parts, ", "))
}

func enabled(_ Request, c Candidate, _ Rules) *refusal {
	if c.Host.Disabled {
		return &refusal{"disabled", "disabled by the operator"}
	}
	return nil
}

func seenLately(_ Request, c Candidate, rules Rules) *refusal {
	if c.Host.LastSeen.IsZero() {
		return &refusal{"down", strings.TrimSuffix("never seen: "+c.Wrong, ": ")}
	}
	if c.Wrong != "" {
		return &refusal{"down", fmt.Sprintf("last seen %s ago: %s", ago(rules.Now.Sub(c.Host.LastSeen)), c.Wrong)}
	}
	if age := rules.Now.Sub(c.Host.LastSeen); age > rules.DownAfter {
		return &refusal{"down", "last seen " + ago(age) + " ago"}
	}
	return nil
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

func hasRuntime(request Request, c Candidate, _ Rules) *refusal {
	if request.Runtime == "" || slices.Contains(c.Host.Runtimes, request.Runtime) {
		return nil
	}
	return &refusal{"without runtime " + request.Runtime, "has " + strings.Join(c.Host.Runtimes, ", ")}
}

func hasMemory(request Request, c Candidate, rules Rules) *refusal {
	if request.MemoryMiB > c.Host.MemoryMiB {
		return &refusal{"too small", fmt.Sprintf("has %d MiB of memory, %d MiB are asked for", c.Host.MemoryMiB, request.MemoryMiB)}
	}
	if rules.MemoryRatio == 0 {
		return nil
	}
	limit := int64(float64(c.Host.MemoryMiB) * rules.MemoryRatio)
	if free := limit - c.Usage.MemoryMiB; request.MemoryMiB > free {
		return &refusal{"full", fmt.Sprintf("%d MiB of %d MiB are promised to %d containers, %d MiB are asked for",
			c.Usage.MemoryMiB, limit, c.Usage.Containers, request.MemoryMiB)}
	}
	return nil
}
