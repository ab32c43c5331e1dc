package kuryr

import (
	"context"
	"slices"
	"time"

	"github.com/gozun/gozun/internal/kv"
)

// Docker tells which networks a Docker Engine has. It is asked by sweeps only: while a verb
// is answered dockerd holds locks.
type Docker interface {
	// Networks returns the engine's own lasting id, and the ids of its networks.
	Networks(ctx context.Context) (engine string, ids []string, err error)
}

// engines are the ids of the engines that had networks of ours, and since when we know.
const engines kv.Bucket[time.Time] = "engines"

// leftNetworks finds networks that Docker does not have: it died, or gave us up, when we had
// made one and it had not heard of it. What another engine than ours says does not count, so
// only one that had a network of ours is believed, and none while an endpoint shows that
// another uses us too.
func (d *Driver) leftNetworks(ctx context.Context, _ inventory) (left []Leftover, err error) {
	had, err := d.networksOfDocker(ctx)
	if err != nil || had == nil {
		return nil, err
	}
	all, err := list(d, networks)
	for id, n := range all {
		if n.Stage != stageReady || had[id] {
			continue
		}
		left = append(left, Leftover{
			Kind: "network", ID: id, Name: n.Name, Reason: "Docker does not have it",
			remove: func(ctx context.Context) error { return d.endLeftNetwork(ctx, id) },
		})
	}
	return left, err
}

// networksOfDocker returns the networks that our Docker has, nil if it cannot be asked or is
// not known to be ours.
func (d *Driver) networksOfDocker(ctx context.Context) (map[string]bool, error) {
	if d.Docker == nil {
		return nil, nil
	}
	engine, ids, err := d.Docker.Networks(ctx)
	if err != nil {
		d.Log.Debug("cannot ask Docker for its networks", "error", err)
		return nil, nil
	}
	ours, err := d.oursIs(engine, ids)
	if err != nil || !ours {
		return nil, err
	}
	used, err := list(d, endpoints)
	for _, e := range used {
		if !slices.Contains(ids, e.NetworkID) {
			d.Log.Debug("an endpoint is on a network that Docker does not have", "endpoint", e.ID, "network", e.NetworkID, "engine", engine)
			return nil, err
		}
	}
	had := map[string]bool{}
	for _, id := range ids {
		had[id] = true
	}
	return had, err
}

// oursIs reports whether an engine had a network of ours at any time, and keeps it in mind.
func (d *Driver) oursIs(engine string, ids []string) (bool, error) {
	_, known, err := get(d, engines, engine)
	if err != nil || known || engine == "" {
		return known, err
	}
	all, err := list(d, networks)
	if err != nil || !slices.ContainsFunc(ids, func(id string) bool { _, ours := all[id]; return ours }) {
		return false, err
	}
	d.Log.Info("met the Docker Engine that uses this plugin", "engine", engine)
	return true, put(d, engines, engine, d.Now().UTC())
}

// meetDocker gets to know our Docker as soon as it has a network of ours, so that it is
// believed when it has none any more.
func (d *Driver) meetDocker(ctx context.Context) error {
	if d.met.Load() || d.Docker == nil {
		return nil
	}
	made, err := list(d, networks)
	if err != nil || len(made) == 0 {
		return err
	}
	const enough = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	engine, ids, err := d.Docker.Networks(ctx)
	if err == nil {
		var ours bool
		ours, err = d.oursIs(engine, ids)
		d.met.Store(ours)
	}
	if err != nil {
		d.Log.Debug("cannot ask Docker for its networks", "error", err)
	}
	return nil
}

func (d *Driver) endLeftNetwork(ctx context.Context, id string) error {
	unlock, err := d.locks.lock(ctx, "network "+id)
	if err != nil {
		return err
	}
	defer unlock()
	n, found, err := get(d, networks, id)
	if err != nil || !found {
		return err
	}
	had, err := d.networksOfDocker(ctx)
	if err != nil || had == nil || had[id] {
		return err
	}
	return d.clear(ctx, n)
}
