package node_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

func TestPauseAndResizeOnRealDocker(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sleep", "1000"}, b.network())
	order.Container.CPU, order.Container.MemoryMiB = 0.5, 64
	id := order.Container.ID
	b.run(order)
	for range 2 { // the second finds it done
		if o := b.must(id, zun.ActionPause, zun.ActionInput{}).Observation; o.Status != zun.StatusPaused || !strings.HasSuffix(o.StatusDetail, "(paused)") {
			t.Errorf("paused: %+v", o)
		}
	}
	for range 2 {
		if o := b.must(id, zun.ActionUnpause, zun.ActionInput{}).Observation; o.Status != zun.StatusRunning {
			t.Errorf("unpaused: %+v", o)
		}
	}
	limits := func() string {
		return cli(t, "inspect", "-f", "{{.HostConfig.CpuShares}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}", node.ContainerName(id))
	}
	if got := limits(); got != "512 67108864 134217728" {
		t.Errorf("made with %s", got)
	}
	two, large, small := 2.0, int64(256), int64(32)
	b.must(id, zun.ActionResize, zun.ActionInput{Change: &zun.Change{CPU: &two, MemoryMiB: &large}})
	if got := limits(); got != "2048 268435456 536870912" {
		t.Errorf("resized to %s", got)
	}
	c := b.records.container(id)
	c.CPU, c.MemoryMiB = 1, small
	if err := b.agent.Update(t.Context(), c); err != nil {
		t.Error(err)
	}
	if got := limits(); got != "1024 33554432 67108864" {
		t.Errorf("updated to %s", got)
	}
	b.must(id, zun.ActionStop, zun.ActionInput{Timeout: new(int)})
	c.MemoryMiB = large
	if err := b.agent.Update(t.Context(), c); err != nil {
		t.Errorf("of one that is stopped: %v", err)
	}
	if outcome := b.do(id, zun.ActionPause, zun.ActionInput{}); !outcome.Failed || outcome.Observation.Status != zun.StatusStopped {
		t.Errorf("pause of one that is stopped: %+v", outcome)
	}
	if outcome := b.do(id, zun.ActionUnpause, zun.ActionInput{}); !outcome.Failed || !strings.Contains(outcome.Message, "cannot unpause container "+id) {
		t.Errorf("unpause of one that is stopped: %+v", outcome)
	}
}

func TestRebuildOnRealDocker(t *testing.T) {
	b := newBench(t)
	first := anImage(t, `CMD ["sh","-c","trap 'exit 0' TERM; while :; do sleep 1; done"]`, "EXPOSE 80")
	second := anImage(t, `CMD ["sleep","2000"]`, "EXPOSE 443")
	order := aContainer(first, nil, b.network())
	id := order.Container.ID
	b.run(order)
	address := b.exec(id, "ip", "-o", "addr", "show", "eth0")
	b.exec(id, "sh", "-c", "echo x > /left")
	sandbox := cli(t, "inspect", "-f", "{{.Id}}", node.SandboxName(id))

	b.records.mu.Lock()
	recorded := b.records.orders[id]
	recorded.Container.Image, recorded.Container.Command, recorded.Container.Status = second, nil, zun.StatusRebuilding
	b.records.orders[id] = recorded
	b.records.mu.Unlock()
	rebuild := b.records.order(id, zun.ActionRebuild, zun.ActionInput{Run: true})
	for attempt := 1; attempt <= 2; attempt++ { // the second delivery changes nothing
		rebuild.Action.Attempt = attempt
		if err := b.agent.Accept(t.Context(), rebuild); err != nil {
			t.Fatal(err)
		}
		outcome := b.records.outcome(t, rebuild.Action.ID)
		if o := outcome.Observation; outcome.Failed || o.Status != zun.StatusRunning || !slices.Equal(o.Command, []string{"sleep", "2000"}) || !slices.Equal(o.Ports, []int{443}) {
			t.Fatalf("attempt %d: %+v", attempt, outcome)
		}
		b.records.mu.Lock()
		delete(b.records.outcomes, rebuild.Action.ID)
		b.records.mu.Unlock()
	}
	if got := b.exec(id, "ip", "-o", "addr", "show", "eth0"); got != address {
		t.Errorf("it was at %s, and is at %s", address, got)
	}
	if got := cli(t, "inspect", "-f", "{{.Id}}", node.SandboxName(id)); got != sandbox {
		t.Error("the sandbox is another one")
	}
	if got := b.exec(id, "sh", "-c", "cat /left || echo gone"); !strings.Contains(got, "gone") {
		t.Errorf("the old file system is left: %q", got)
	}
}

func TestGaugesOnRealDocker(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sh", "-c", "head -c 100000 /dev/zero > /file; sleep 1000 & exec sleep 2000"}, b.network())
	order.Container.MemoryMiB = 64
	id := order.Container.ID
	b.run(order)
	c := b.records.container(id)
	var processes zun.Processes
	for deadline := time.Now().Add(time.Minute); len(processes.Rows) < 2; {
		var err error
		if processes, err = b.agent.Top(t.Context(), c, ""); err != nil || time.Now().After(deadline) {
			t.Fatalf("both processes are not there: %+v %v", processes, err)
		}
	}
	if len(processes.Titles) < 4 || len(processes.Rows[0]) != len(processes.Titles) || !strings.Contains(strings.Join(slices.Concat(processes.Rows...), " "), "sleep 2000") {
		t.Errorf("top: %+v", processes)
	}
	processes, err := b.agent.Top(t.Context(), c, "-o pid,comm")
	if err != nil || !slices.Equal(processes.Titles, []string{"PID", "COMMAND"}) {
		t.Errorf("top -o pid,comm: %+v, %v", processes, err)
	}
	for _, args := range []string{"--nonsense", "-o comm", "-o nonsense"} {
		if _, err := b.agent.Top(t.Context(), c, args); zun.CodeOf(err) != zun.CodeInvalid || !strings.Contains(err.Error(), args) {
			t.Errorf("top %s: %v (%s)", args, err, zun.CodeOf(err))
		}
	}
	usage, err := b.agent.Usage(t.Context(), c)
	if err != nil || usage.CPUNanoseconds <= 0 || usage.SystemNanoseconds <= usage.CPUNanoseconds ||
		usage.MemoryBytes <= 0 || usage.MemoryBytes > usage.MemoryLimit || usage.MemoryLimit != 64<<20 {
		t.Errorf("stats: %+v, %v", usage, err)
	}
	if p := usage.CPUPercent(); p <= 0 || p >= 100 {
		t.Errorf("%v %% of the processors", p)
	}
	b.must(id, zun.ActionStop, zun.ActionInput{Timeout: new(int)})
	if _, err := b.agent.Top(t.Context(), c, ""); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("top of one that is stopped: %v", err)
	}
}

func TestArchivesOnRealDocker(t *testing.T) {
	b := newBench(t)
	order := aContainer(anImage(t), []string{"sleep", "1000"}, b.network())
	id := order.Container.ID
	b.run(order)
	c := b.records.container(id)
	if err := b.agent.WriteArchive(t.Context(), c, "/bin", tarOf(t, "a", "hello")); err != nil {
		t.Fatal(err)
	}
	if got := b.exec(id, "cat", "/bin/a"); got != "hello" {
		t.Errorf("in the container: %q", got)
	}
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	if _, err := io.Copy(w, tarOf(t, "b", "compressed")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := b.agent.WriteArchive(t.Context(), c, "/bin", &compressed); err != nil {
		t.Error(err)
	}
	b.must(id, zun.ActionStop, zun.ActionInput{Timeout: new(int)})
	for name, want := range map[string]string{"/bin/a": "hello", "/bin/b": "compressed"} { // also of one that does not run
		archive, err := b.agent.ReadArchive(t.Context(), c, name)
		if err != nil {
			t.Fatal(err)
		}
		reader := tar.NewReader(archive.Content)
		header, err := reader.Next()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(reader)
		if err != nil || string(content) != want || header.Name != name[len("/bin/"):] || archive.Stat.Name != header.Name || archive.Stat.Size != int64(len(want)) || archive.Stat.ModifiedAt.IsZero() {
			t.Errorf("%s: %q, %+v, %+v, %v", name, content, header, archive.Stat, err)
		}
		if err := archive.Content.Close(); err != nil {
			t.Error(err)
		}
	}
	for name, err := range map[string]error{
		"get what is not there":       second(b.agent.ReadArchive(t.Context(), c, "/nowhere")),
		"get below a file":            second(b.agent.ReadArchive(t.Context(), c, "/bin/a/b")),
		"put where nothing is":        b.agent.WriteArchive(t.Context(), c, "/nowhere", tarOf(t, "a", "x")),
		"put into a file":             b.agent.WriteArchive(t.Context(), c, "/bin/a", tarOf(t, "a", "x")),
		"put what is no gzip archive": b.agent.WriteArchive(t.Context(), c, "/bin", strings.NewReader("\x1f\x8bnonsense, whatever it says")),
	} {
		if zun.CodeOf(err) != zun.CodeInvalid || !strings.Contains(err.Error(), id) || strings.Contains(err.Error(), "/var/lib") {
			t.Errorf("%s: %v (%s)", name, err, zun.CodeOf(err))
		}
	}
	c.ID = "11111111-0000-4000-8000-000000000000"
	_, err := b.agent.ReadArchive(t.Context(), c, "/bin")
	if zun.CodeOf(err) != zun.CodeConflict || !strings.Contains(err.Error(), "is not in Docker") {
		t.Errorf("of a container that is not there: %v (%s)", err, zun.CodeOf(err))
	}
}

func second[T any](_ T, err error) error { return err }

// tarOf is an archive of one file.
func tarOf(tb testing.TB, name, content string) io.Reader {
	tb.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return &archive
}

func TestAnArchiveThatIsTooLarge(t *testing.T) {
	w := newWorld(t)
	running(w)
	small := node.New(node.Config{Host: "h", Docker: w.memory, Neutron: w.neutron, Reports: w.records, ArchiveLimit: 4})
	c := w.order.Container
	if _, err := small.ReadArchive(t.Context(), c, "/etc/hosts"); zun.CodeOf(err) != zun.CodeInvalid || !strings.Contains(err.Error(), "copy parts of it") {
		t.Errorf("%v", err)
	}
	archive, err := small.ReadArchive(t.Context(), c, "/etc")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(archive.Content); string(text) != "/etc" || err != nil {
		t.Errorf("%q %v", text, err)
	}
	if err := archive.Content.Close(); err != nil {
		t.Error(err)
	}
}

// Archives that nobody closes keep others waiting, and not for ever.
func TestArchivesTakeTurns(t *testing.T) {
	w := newWorld(t)
	running(w)
	c := w.order.Container
	var open []zun.Archive
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		archive, err := w.agent.ReadArchive(ctx, c, "/etc")
		cancel()
		if err != nil {
			if zun.CodeOf(err) != zun.CodeUnavailable || !strings.Contains(err.Error(), "try again") {
				t.Errorf("%v", err)
			}
			break
		}
		if open = append(open, archive); len(open) > 100 {
			t.Fatal("there is no bound")
		}
	}
	for range 2 { // closing twice lets go once
		_ = open[0].Content.Close() // the second time it says so
	}
	archive, err := w.agent.ReadArchive(t.Context(), c, "/etc")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range append(open[1:], archive) {
		if err := one.Content.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.agent.ReadArchive(t.Context(), zun.Container{ID: "nobody"}, "/etc"); zun.CodeOf(err) != zun.CodeConflict {
		t.Errorf("%v", err)
	}
}
