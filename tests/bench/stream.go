package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// measureStream orders containers at a steady pace, whether or not those before are there, and has
// each deleted when it runs: what an order waits for while the service and Docker are at work on
// others. Between two orders it asks for what the service only has to write down, on the same cores.
func (b *bench) measureStream(ctx context.Context, onRecord int) error {
	name := fmt.Sprintf("stream, %d on record", onRecord)
	p, err := b.zunPlace(ctx, b.zund, name, 234)
	if err != nil {
		return err
	}
	b.round, b.atOnce = -1, 1  // the first is for warming up
	b.resolution = b.every / 5 // when they are there is not measured
	defer func() { b.resolution = 0 }()
	if err := b.comeAndGo(ctx, p); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.say("requests: %s, %d containers, one every %s, load %s", name, b.orders, b.every, load())
	b.round = 0
	steps := []func() error{
		func() error { return b.comeAndGo(ctx, p) },
		func() error { return b.noteRoot(ctx, name) },
	}
	return pace(ctx, b.every/time.Duration(len(steps)), b.orders*len(steps), func(i int) error { return steps[i%len(steps)]() })
}

// pace begins one thing after the other at intervals, without waiting for their ends, and then waits
// for all. It begins none after ctx has ended.
func pace(ctx context.Context, interval time.Duration, n int, do func(i int) error) error {
	var group errgroup.Group
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for i := range n {
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), group.Wait())
		case <-tick.C:
			group.Go(func() error { return do(i) })
		}
	}
	return group.Wait()
}

// comeAndGo has a container started and removed.
func (b *bench) comeAndGo(ctx context.Context, p place) error {
	handle, err := p.start(ctx)
	if err != nil {
		return err
	}
	return p.rm(ctx, handle)
}

// noteRoot measures a request for which the service reads nothing.
func (b *bench) noteRoot(ctx context.Context, name string) error {
	began := time.Now()
	_, err := b.zund.ask(ctx, http.MethodGet, b.zund.container+"/", nil, nil)
	b.note(sample{Case: name, Verb: "GET / meanwhile", AtOnce: b.atOnce, Round: b.round, Took: time.Since(began)})
	return err
}
