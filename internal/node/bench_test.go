package node_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/gozun/gozun/zun"
)

// BenchmarkRun compares create and run of a container by the agent, on a network that is
// there, with docker run -d on the same network, one after the other in the same run, and
// reports medians: whole, by stage, and the ratio. Neutron is in memory: it takes no time.
func BenchmarkRun(b *testing.B) {
	w := newBench(b)
	image := anImage(b)
	network := w.network()
	if err := w.agent.EnsureNetwork(b.Context(), network); err != nil {
		b.Fatal(err)
	}
	var plain, ours, removed []time.Duration
	stages := map[zun.Stage][]time.Duration{}
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		id := cli(b, "run", "-d", "--label", "org.gozun.owner="+w.host, "--network", network.ID, image, "sleep", "1000")
		plain = append(plain, time.Since(began))
		cli(b, "rm", "-f", id)

		order := aContainer(image, []string{"sleep", "1000"}, network)
		w.records.add(order)
		began = time.Now()
		outcome := w.must(order.Container.ID, zun.ActionCreate, zun.ActionInput{Run: true})
		ours = append(ours, time.Since(began))
		if outcome.Observation.Status != zun.StatusRunning {
			b.Fatalf("got %+v", outcome)
		}
		for _, event := range w.records.stages(int64(2*i + 1)) {
			stages[event.Stage] = append(stages[event.Stage], event.FinishedAt.Sub(event.StartedAt))
		}
		began = time.Now()
		w.must(order.Container.ID, zun.ActionDelete, zun.ActionInput{Force: true})
		removed = append(removed, time.Since(began))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(plain), "docker-run-ms")
	b.ReportMetric(milliseconds(ours), "zun-run-ms")
	b.ReportMetric(milliseconds(ours)/milliseconds(plain), "ratio")
	b.ReportMetric(milliseconds(removed), "zun-delete-ms")
	for _, stage := range slices.Sorted(maps.Keys(stages)) {
		b.ReportMetric(milliseconds(stages[stage]), fmt.Sprintf("%s-ms", stage))
	}
}

// milliseconds returns the median.
func milliseconds(all []time.Duration) float64 {
	slices.Sort(all)
	return float64(all[len(all)/2].Microseconds()) / 1000
}
