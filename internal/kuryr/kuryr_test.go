package kuryr

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

func TestIDTags(t *testing.T) {
	id := strings.Repeat("a", 32) + strings.Repeat("b", 32)
	want := []string{"kuryr.net.uuid.lh:" + id[:32], "kuryr.net.uuid.uh:" + id[32:]}
	if diff := cmp.Diff(want, idTags(id)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"kuryr.net.uuid.lh:swarm"}, idTags("swarm")); diff != "" {
		t.Error(diff)
	}
	if tag := existingNetTag("abc"); tag != "kuryr.net.existing:abc" {
		t.Error(tag)
	}
}

func TestOptions(t *testing.T) {
	o, err := parseOptions(map[string]string{
		"neutron.net.uuid": "11111111-1111-1111-1111-11111111111A", "neutron.net.name": "n", "neutron.net.shared": "True",
		"neutron.subnet.v6.name": "s6", "neutron.pool.uuid": "", "parent": "eth0",
	})
	shared := true
	want := options{Net: reference{ID: "11111111-1111-1111-1111-11111111111a", Name: "n"}, Shared: &shared}
	want.Subnet[1].Name = "s6"
	if diff := cmp.Diff(want, o); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, key := range []string{"neutron.", "neutron.net", "neutron.net.id", "neutron.pool.v4.uuid", "neutron.uuid", "neutron.port.uuid"} {
		if _, err := parseOptions(map[string]string{key: "x"}); zun.CodeOf(err) != zun.CodeInvalid {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestLocks(t *testing.T) {
	var l locks
	ctx := context.Background()
	unlock, err := l.lock(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := l.tryLock("a"); ok {
		t.Error("taken twice")
	}
	other, ok := l.tryLock("b")
	if !ok {
		t.Fatal("another thing is not free")
	}
	other()
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, err := l.lock(short, "a"); zun.CodeOf(err) != zun.CodeUnavailable {
		t.Errorf("waited past its time: %v", err)
	}
	count := 0
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			unlock, err := l.lock(ctx, "a")
			if err != nil {
				t.Error(err)
				return
			}
			count++
			unlock()
		})
	}
	unlock()
	wg.Wait()
	if count != 50 || len(l.held) != 0 {
		t.Errorf("count %d, held %v", count, l.held)
	}
}
