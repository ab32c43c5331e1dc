package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"
)

// zunPlace is `zun run` and `zun delete` on a network of the user demo; its samples are those
// of the case called name.
func (b *bench) zunPlace(ctx context.Context, z *zund, name string, subnetByte byte) (place, error) {
	subnet, _ := b.subnet(subnetByte)
	network, url := object{"name": "bench-" + b.id, "subnet": subnet.String()}, z.container+"/v1/networks"
	if _, err := z.ask(ctx, http.MethodGet, url+"/bench-"+b.id, nil, nil); err != nil { // it is not there yet
		if _, err := z.ask(ctx, http.MethodPost, url, network, nil); err != nil {
			return place{}, err
		}
		if z.cloud != nil { // which does not go with the run
			b.push(func(ctx context.Context) error {
				_, err := z.ask(ctx, http.MethodDelete, url+"/bench-"+b.id, nil, nil)
				return err
			})
		}
	}
	if err := b.listen(ctx); err != nil {
		return place{}, err
	}
	return place{
		start: func(ctx context.Context) (string, error) { return b.zunRun(ctx, z, name) },
		after: func(ctx context.Context, action string) error { return b.noteStages(ctx, z, name, action) },
		rm:    func(ctx context.Context, action string) error { return b.zunDelete(ctx, z, action) },
	}, nil
}

// zunRun orders a container and waits until it runs. The time until the order is taken is
// a sample of its own. It returns the URL of the order's action.
func (b *bench) zunRun(ctx context.Context, z *zund, name string) (string, error) {
	order := object{
		"image": b.image, "command": []string{"sleep"},
		"nets": []object{{"network": "bench-" + b.id}},
	}
	began := time.Now()
	var made zunContainer
	header, err := z.ask(ctx, http.MethodPost, z.container+"/v1/containers?run=true", order, &made)
	if err != nil {
		return "", err
	}
	accepted := time.Since(began)
	url := z.container + "/v1/containers/" + made.UUID
	err = until(ctx, b.happenings.of("start zun-"+made.UUID), b.often(), func() (bool, error) {
		var now zunContainer
		_, err := z.ask(ctx, http.MethodGet, url, nil, &now)
		if err == nil && now.Status == "Error" {
			err = fmt.Errorf("container %s: %s", made.UUID, now.StatusReason)
		}
		return now.Status == "Running", err
	})
	if err != nil {
		return "", err
	}
	b.note(sample{Case: name, Verb: "POST to 202", AtOnce: b.atOnce, Round: b.round, Took: accepted})
	return url + "/container_actions/" + header.Get("X-Openstack-Request-Id"), nil
}

type zunContainer struct {
	UUID         string
	Status       string
	StatusReason string `json:"status_reason"`
}

// noteStages keeps how long each stage of an order took.
func (b *bench) noteStages(ctx context.Context, z *zund, name, action string) error {
	var answer struct {
		Action struct {
			Events []struct {
				Event      string
				DurationMS *float64 `json:"duration_ms"`
			}
		} `json:"containerAction"`
	}
	if _, err := z.ask(ctx, http.MethodGet, action, nil, &answer); err != nil {
		return err
	}
	for _, event := range answer.Action.Events {
		if event.DurationMS != nil {
			took := time.Duration(*event.DurationMS * float64(time.Millisecond))
			b.note(sample{Case: name, Verb: "stage " + event.Event, AtOnce: b.atOnce, Round: b.round, Took: took})
		}
	}
	return nil
}

// zunDelete deletes a running container by force, as docker rm -f does, and waits until it
// is gone. Force is for administrators, as upstream has it.
func (b *bench) zunDelete(ctx context.Context, z *zund, action string) error {
	url, _, _ := strings.Cut(action, "/container_actions/")
	if _, err := z.askAs(ctx, z.admin, http.MethodDelete, url+"?force=true&all_projects=true", nil, nil); err != nil {
		return err
	}
	return until(ctx, b.happenings.of("destroy zun-sandbox-"+path.Base(url)), b.often(), func() (bool, error) {
		_, err := z.ask(ctx, http.MethodGet, url, nil, nil)
		var refused *refusedError
		if errors.As(err, &refused) && refused.status == http.StatusNotFound {
			return true, nil
		}
		return false, err
	})
}

// listen begins to listen to the engine, once.
func (b *bench) listen(ctx context.Context) error {
	if b.happenings != nil {
		return nil
	}
	h, end, err := b.docker.watch(ctx)
	if err != nil {
		return err
	}
	b.happenings = h
	b.push(func(context.Context) error { return end() })
	return nil
}
