package store

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/zun"
)

func aToken(c zun.Container, hash string) zun.ConsoleToken {
	return zun.ConsoleToken{
		Hash: strings.Repeat(hash, 64), ContainerID: c.ID, Exec: zun.Exec{ID: strings.Repeat("e", 64), TTY: true},
		Options: zun.AttachOptions{Logs: true}, ExpiresAt: at(60),
	}
}

func TestConsoleTokensAreTakenOnce(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	c := aContainer("c")
	must(t, s.AddContainer(ctx, c))
	token := aToken(c, "a")
	must(t, s.AddConsoleToken(ctx, token, at(0)))
	var wg sync.WaitGroup
	got := make(chan zun.ConsoleToken, 8)
	for range cap(got) {
		wg.Go(func() {
			taken, err := s.TakeConsoleToken(ctx, token.Hash, c.ID, token.Exec.ID, at(59))
			if err == nil {
				got <- taken
			} else if zun.CodeOf(err) != zun.CodeNotFound {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(got)
	if len(got) != 1 {
		t.Fatalf("%d callers got it", len(got))
	}
	if diff := cmp.Diff(token, <-got); diff != "" {
		t.Error(diff)
	}
}

func TestConsoleTokensExpireAndAreForgotten(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	c := aContainer("c")
	must(t, s.AddContainer(ctx, c))
	main := zun.ConsoleToken{Hash: "main", ContainerID: c.ID, ExpiresAt: at(90)}
	for _, token := range []zun.ConsoleToken{aToken(c, "a"), aToken(c, "b"), main} {
		must(t, s.AddConsoleToken(ctx, token, at(0)))
	}
	_, err := s.TakeConsoleToken(ctx, aToken(c, "a").Hash, c.ID, aToken(c, "a").Exec.ID, at(60))
	wantCode(t, err, zun.CodeNotFound)
	newer := main
	newer.Hash = "newer"
	must(t, s.AddConsoleToken(ctx, newer, at(60)))
	n, err := s.read.NewSelect().Model((*consoleTokenRow)(nil)).Count(ctx)
	must(t, err)
	if n != 1 {
		t.Errorf("%d rows are left, want the newest", n)
	}
	must(t, s.DeleteContainer(ctx, c.ID))
	_, err = s.TakeConsoleToken(ctx, newer.Hash, c.ID, "", at(60))
	wantCode(t, err, zun.CodeNotFound)
	if err := s.AddConsoleToken(ctx, newer, at(60)); err == nil || errors.As(err, new(*zun.Error)) {
		t.Errorf("a token for a container that is not there: %v", err)
	}
}
