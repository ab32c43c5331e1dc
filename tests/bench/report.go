package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what a run found out.
type report struct {
	Began      time.Time      `json:"began"`
	Took       time.Duration  `json:"took_ns"`
	Seed       uint64         `json:"seed"`
	Machine    string         `json:"machine"`
	LoadBefore string         `json:"load_before"`
	LoadAfter  string         `json:"load_after"`
	Rows       []row          `json:"rows"`
	Samples    []sample       `json:"samples"`
	Plugins    []pluginReport `json:"plugins,omitempty"`
	Requests   []rate         `json:"requests,omitempty"`
	AtRest     memory         `json:"memory_at_rest"`
	AfterLoad  memory         `json:"memory_after_requests"`
	AtEnd      memory         `json:"memory_at_end"`
	samples    []sample
}

// pluginReport is what a plugin needed while single containers came and went.
type pluginReport struct {
	Name         string            `json:"name"`
	Start        pluginTime        `json:"start_ms"` // all calls of one start together
	RM           pluginTime        `json:"rm_ms"`
	Verbs        map[string]spread `json:"verbs_ms"`      // own
	NeutronCalls float64           `json:"neutron_calls"` // median of a start with its rm
}

// pluginTime tells where the time of some calls went: the plugin's own, of that the wait for
// its disk, and beside it the wait for Neutron.
type pluginTime struct {
	Own     spread `json:"own"`
	Disk    spread `json:"disk"`
	Neutron spread `json:"neutron"`
}

// rate is how many requests of a kind were answered in a second.
type rate struct {
	Name     string  `json:"name"`
	PerSec   float64 `json:"per_second"`
	ToRoot   float64 `json:"to_root"`          // in proportion to GET /
	Records  int     `json:"records"`          // containers on record
	ToFew    float64 `json:"to_few,omitempty"` // in proportion to the same with few on record; 0: not to be said
	Bytes    int     `json:"bytes"`
	Requests int     `json:"requests"`
	spread           // of the latency, in milliseconds
}

// verbs is the order of the lines.
func verbs(samples []sample) []string {
	order := []string{"start", "rm", "POST to 202", "GET / meanwhile"}
	for _, s := range samples {
		if !slices.Contains(order, s.Verb) {
			order = append(order, s.Verb)
		}
	}
	return order
}

// complete sums up.
func (r *report) complete() {
	r.Samples = r.samples
	r.Rows = rowsOf(r.samples, verbs(r.samples))
}

func (r report) writeJSON(w io.Writer) error {
	r.complete()
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

func (r report) writeText(w io.Writer) {
	r.complete()
	fmt.Fprintf(w, "%s, %s\nseed %d, load %s before, %s after, took %s\n", r.Began.UTC().Format(time.DateTime), r.Machine,
		r.Seed, r.LoadBefore, r.LoadAfter, r.Took.Round(time.Second))
	r.writeRows(w)
	for _, p := range r.Plugins {
		p.writeText(w)
	}
	r.writeRequests(w)
	r.writeMemory(w)
}

func (r report) writeRows(w io.Writer) {
	if len(r.Rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\nMilliseconds; ratios are medians of those within a round. The parts of kuryr: floor; of zun: pair; on a real Neutron a port, too, unless it is a spare one.\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "verb\tat once\tcase\tn\tmedian\tp90\tp99\tmin\tmax\t÷ floor\t÷ user-bridge\t÷ its parts\t")
	for _, l := range r.Rows {
		fmt.Fprintf(table, "%s\t%d\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", l.Verb, l.AtOnce, l.Case, l.N,
			number(l.Median), number(l.P90), number(l.P99), number(l.Min), number(l.Max), ratio(l.ToFloor), ratio(l.ToUserBridge), ratio(l.ToParts))
	}
	_ = table.Flush() // what cannot be printed cannot be told
}

func (r pluginReport) writeText(w io.Writer) {
	fmt.Fprintf(w, "\nPlugin %s's time, milliseconds: its own without Neutron's, the kernel's and the disk's included; %.0f requests to Neutron for a start and its rm.\n", r.Name, r.NeutronCalls)
	line := func(name string, s spread) {
		fmt.Fprintf(w, "  %-42s n %3d, median %s, p90 %s, p99 %s, max %s\n", name, s.N, number(s.Median), number(s.P90), number(s.P99), number(s.Max))
	}
	for _, part := range []struct {
		name string
		pluginTime
	}{{"all calls of one start", r.Start}, {"all calls of one rm", r.RM}} {
		line(part.name+": own", part.Own)
		line("  of that the disk", part.Disk)
		line("  and Neutron", part.Neutron)
	}
	for _, verb := range slices.Sorted(maps.Keys(r.Verbs)) {
		line(strings.TrimPrefix(verb, "/"), r.Verbs[verb])
	}
}

func (r report) writeRequests(w io.Writer) {
	if len(r.Requests) == 0 {
		return
	}
	fmt.Fprintf(w, "\nRequests per second, %d at a time, a token that is known; latencies in milliseconds.\n", atATime)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "on record\trequest\tper second\t÷ GET /\t÷ with few\tbytes\tn\tmedian\tp99\tmax\t")
	for _, q := range r.Requests {
		fmt.Fprintf(table, "%d\t%s\t%.0f\t%s\t%s\t%d\t%d\t%s\t%s\t%s\t\n", q.Records, q.Name, q.PerSec, ratio(q.ToRoot), ratio(q.ToFew), q.Bytes, q.Requests,
			number(q.Median), number(q.P99), number(q.Max))
	}
	_ = table.Flush() // what cannot be printed cannot be told
}

func (r report) writeMemory(w io.Writer) {
	if r.AtRest.RSS == 0 {
		return
	}
	fmt.Fprintf(w, "\nMemory of zund, RSS (anonymous): %.1f (%.1f) MiB at rest", r.AtRest.RSS, r.AtRest.Anon)
	if r.AfterLoad.RSS > 0 {
		fmt.Fprintf(w, ", %.1f (%.1f) after the requests", r.AfterLoad.RSS, r.AfterLoad.Anon)
	}
	fmt.Fprintf(w, ", %.1f (%.1f) at the end.\n", r.AtEnd.RSS, r.AtEnd.Anon)
}

func ratio(r float64) string {
	if r == 0 {
		return "–"
	}
	return fmt.Sprintf("%.3f", r)
}

// number is three or four digits, which is more than such figures are worth.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
