package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	values := make([]float64, 0, 200)
	for i := 200; i > 0; i-- {
		values = append(values, float64(i))
	}
	want := spread{N: 200, Median: 100.5, P90: 180, P99: 198, Min: 1, Max: 200}
	if got := spreadOf(values); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if values[0] != 200 {
		t.Error("the values were put in another order")
	}
	if got := spreadOf([]float64{3, 1, 2}); got.Median != 2 || got.P99 != 3 || got.P90 != 3 {
		t.Errorf("three values: %+v", got)
	}
	if got := spreadOf(nil); got != (spread{}) {
		t.Errorf("no values: %+v", got)
	}
}

// A machine that is ten times slower in one round must not move the ratio.
func TestRatiosAreWithinRounds(t *testing.T) {
	var samples []sample
	for round, factor := range []int{1, 10, 2} {
		for name, ms := range map[string]int{"floor": 100, "kuryr": 110, "user-bridge": 200} {
			samples = append(samples, sample{name, "start", 1, round, time.Duration(ms*factor) * time.Millisecond})
		}
	}
	samples = append(samples, sample{"kuryr", "rm", 1, 0, time.Second})
	rows := rowsOf(samples, []string{"start", "rm"})
	var order []string
	for _, r := range rows {
		order = append(order, r.Verb+" "+r.Case)
	}
	if got, want := strings.Join(order, ", "), "start user-bridge, start floor, start kuryr, rm kuryr"; got != want {
		t.Fatalf("the lines are %s, want %s", got, want)
	}
	kuryr := rows[2]
	if kuryr.N != 3 || math.Abs(kuryr.ToFloor-1.1) > 1e-9 || math.Abs(kuryr.ToUserBridge-0.55) > 1e-9 {
		t.Errorf("kuryr: %+v", kuryr)
	}
	if rows[3].ToFloor != 0 {
		t.Errorf("rm has a ratio to nothing: %+v", rows[3])
	}
}

// A container of Zun's on a real Neutron is held against a pair and a port of the same round;
// a round that lacks one of them says nothing.
func TestRatioToTheParts(t *testing.T) {
	rows := rowsOf([]sample{
		{"pair", "start", 1, 0, 3 * time.Second},
		{"port", "start", 1, 0, time.Second},
		{"zun-real", "start", 1, 0, 5 * time.Second},
		{"pair", "start", 1, 1, time.Second},
		{"zun-real", "start", 1, 1, 9 * time.Second},
		{"zun", "start", 1, 1, 2 * time.Second},
		{"real", "start", 1, 0, 2 * time.Second},
	}, []string{"start"})
	got := map[string]float64{}
	for _, r := range rows {
		got[r.Case] = r.ToParts
	}
	for name, want := range map[string]float64{"zun-real": 1.25, "zun": 2, "real": 0, "pair": 0} {
		if math.Abs(got[name]-want) > 1e-9 {
			t.Errorf("%s ÷ its parts is %g, want %g", name, got[name], want)
		}
	}
}

func TestReadingWhatProgramsWrite(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	times, err := verbTimes(write("log", `{"time":"2026-11-23T20:00:00.5Z","level":"INFO","msg":"did a verb","verb":"/NetworkDriver.Join","ms":1.5,"neutron_ms":1,"disk_ms":0.25}
zund is ready.
{"time":"2026-11-23T20:00:00.6Z","level":"INFO","msg":"request","ms":9}
`))
	if err != nil || len(times) != 1 || times[0].took != 1500*time.Microsecond || times[0].verb != "/NetworkDriver.Join" {
		t.Errorf("the log: %+v, %v", times, err)
	}
	began := times[0].ended.Add(-time.Second)
	r := judge("kuryr", []window{{name: "kuryr", from: began, started: began.Add(2 * time.Second)}}, times)
	if r.Start.Own.Median != 0.5 || r.Start.Neutron.Median != 1 || r.Start.Disk.Median != 0.25 || r.Verbs["/NetworkDriver.Join"].Median != 0.5 {
		t.Errorf("where the time went: %+v", r)
	}
	variables, err := readOpenrc(write("openrc", "# comment\nunset OS_TOKEN\nexport OS_USERNAME=demo\nexport OS_PASSWORD='a=b'\n"))
	if err != nil || variables["OS_USERNAME"] != "demo" || variables["OS_PASSWORD"] != "a=b" || len(variables) != 2 {
		t.Errorf("openrc: %v, %v", variables, err)
	}
	if m, err := memoryOf(os.Getpid()); err != nil || m.Anon <= 0 || m.RSS < m.Anon {
		t.Errorf("memory: %+v, %v", m, err)
	}
}

func TestCommandLine(t *testing.T) {
	for args, complaint := range map[string]string{
		"--case nonsense": "nonsense", "extra": "extra", "--rounds 0": "too few", "--at-once 1": "too few",
	} {
		if _, err := parse(strings.Fields(args), &strings.Builder{}); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: %v", args, err)
		}
	}
	o, err := parse([]string{"--case", "kuryr,floor"}, &strings.Builder{})
	if err != nil || !o.wants("kuryr") || o.wants("none") || o.seed == 0 {
		t.Errorf("%+v, %v", o, err)
	}
	if all, _ := parse(nil, &strings.Builder{}); !all.wants("none") {
		t.Error("without --case a case is left out")
	}
}
