package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// happenings are the starts and ends of containers as the engine tells them. Who waits for zund
// to say that a container runs begins to ask when the engine has started it: asking all the
// while would take the cores that the start is measured on.
type happenings struct {
	mu    sync.Mutex
	known map[string]chan struct{} // by "start NAME" and "destroy NAME"; closed when it has happened
}

// watch begins to listen; what happens after it has returned is not missed.
func (e *engine) watch(ctx context.Context) (*happenings, func() error, error) {
	filter, err := json.Marshal(map[string][]string{"type": {"container"}, "event": {"start", "destroy"}})
	if err != nil {
		return nil, nil, err
	}
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/v1.41/events?filters="+url.QueryEscape(string(filter)), nil)
	if err != nil {
		end()
		return nil, nil, err
	}
	response, err := e.http.Do(request) //nolint:bodyclose // closed when listening ends
	if err != nil {
		end()
		return nil, nil, err
	}
	h := &happenings{known: map[string]chan struct{}{}}
	ended := make(chan error, 1)
	go func() { ended <- h.listen(response) }()
	return h, func() error {
		end()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			return fmt.Errorf("the events of Docker broke off: %w", err)
		}
		return nil
	}, nil
}

func (h *happenings) listen(response *http.Response) error {
	defer response.Body.Close()
	for stream := json.NewDecoder(response.Body); ; {
		var event struct {
			Action string
			Actor  struct{ Attributes struct{ Name string } }
		}
		if err := stream.Decode(&event); err != nil {
			return err
		}
		h.happened(event.Action + " " + event.Actor.Attributes.Name)
	}
}

func (h *happenings) happened(what string) {
	done := h.of(what)
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-done: // twice
	default:
		close(done)
	}
}

// of returns what is closed when something has happened, or if it has.
func (h *happenings) of(what string) chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known[what] == nil {
		h.known[what] = make(chan struct{})
	}
	return h.known[what]
}

// askSeldom is how often is asked whether something is done before the engine has told of it: in
// case that it never does.
const askSeldom = 250 * time.Millisecond

// often is how often is asked after that, the resolution of what is measured with it: 5 ms for one
// container, and 200 times a second for many together.
func (b *bench) often() time.Duration {
	return cmp.Or(b.resolution, time.Duration(max(1, b.atOnce))*5*time.Millisecond)
}

// until asks whether something is done, often from the time when the engine has told of it.
func until(ctx context.Context, told <-chan struct{}, often time.Duration, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	tick := time.NewTicker(askSeldom)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-told:
			told = nil
			tick.Reset(often)
		case <-tick.C:
		}
		if ok, err := done(); ok || err != nil {
			return err
		}
	}
}
