package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"
)

// engine is a Docker Engine, asked the way the docker command asks it, but without the
// command's own start in the figures.
type engine struct {
	http  *http.Client
	label string // of everything made here, "org.gozun.bench=<run>"
}

const engineSocket = "/var/run/docker.sock"

// longest bounds every single request to Docker, so that nothing hangs for ever.
const longest = 2 * time.Minute

func newEngine(label string) *engine {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", engineSocket)
	}
	return &engine{http: &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 64}}, label: label}
}

// do makes one request with a JSON body, unless that is nil.
func (e *engine) do(ctx context.Context, method, path string, body, answer any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(text)
	}
	return e.send(ctx, method, path, "application/json", content, answer)
}

// send makes one request. It goes on when the run is interrupted: half a container is worse
// than a whole one, which can be removed.
func (e *engine) send(ctx context.Context, method, path, contentType string, content io.Reader, answer any) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), longest)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, "http://docker/v1.41"+path, content)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := e.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest && (method != http.MethodDelete || response.StatusCode != http.StatusNotFound) {
		return fmt.Errorf("%s %s: %s: %s", method, path, response.Status, bytes.TrimSpace(text))
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

type labels map[string]string

func (e *engine) labels() labels { return labels{"org.gozun.bench": e.label} }

// startContainer is docker run -d.
func (e *engine) startContainer(ctx context.Context, image, network string) (id string, err error) {
	if id, err = e.createContainer(ctx, "", image, network); err != nil {
		return "", err
	}
	return id, e.do(ctx, http.MethodPost, "/containers/"+id+"/start", nil, nil)
}

func (e *engine) createContainer(ctx context.Context, name, image, network string) (id string, err error) {
	create := map[string]any{
		"Image": image, "Cmd": []string{"sleep"}, "Labels": e.labels(),
		"HostConfig": map[string]any{"NetworkMode": network},
	}
	var made struct{ ID string }
	query := url.Values{"name": {name}}
	err = e.do(ctx, http.MethodPost, "/containers/create?"+query.Encode(), create, &made)
	return made.ID, err
}

// startPair starts a container on a network and another in its namespace. Both are made at
// the same time, and only the start of the second waits for the first.
func (e *engine) startPair(ctx context.Context, name, image, network string) error {
	inner := name + "-in"
	var making errgroup.Group
	making.Go(func() error {
		_, err := e.createContainer(ctx, inner, image, "container:"+name)
		return err
	})
	_, err := e.createContainer(ctx, name, image, network)
	if err == nil {
		err = e.do(ctx, http.MethodPost, "/containers/"+name+"/start", nil, nil)
	}
	if err := errors.Join(err, making.Wait()); err != nil {
		return err
	}
	return e.do(ctx, http.MethodPost, "/containers/"+inner+"/start", nil, nil)
}

// removePair removes both, the inner one first.
func (e *engine) removePair(ctx context.Context, name string) error {
	return errors.Join(e.removeContainer(ctx, name+"-in"), e.removeContainer(ctx, name))
}

// removeContainer is docker rm -f.
func (e *engine) removeContainer(ctx context.Context, id string) error {
	return e.do(ctx, http.MethodDelete, "/containers/"+id+"?force=1&v=1", nil, nil)
}

// dockerNetwork is what there is to say about a Docker network to make.
type dockerNetwork struct {
	name    string
	driver  string
	ipam    string // "" is Docker's own
	subnet  string
	gateway string
}

func (e *engine) createNetwork(ctx context.Context, n dockerNetwork) error {
	body := map[string]any{"Name": n.name, "Driver": n.driver, "CheckDuplicate": true, "Labels": e.labels()}
	if n.subnet != "" {
		body["IPAM"] = map[string]any{
			"Driver": n.ipam, "Config": []any{map[string]string{"Subnet": n.subnet, "Gateway": n.gateway}},
		}
	}
	return e.do(ctx, http.MethodPost, "/networks/create", body, nil)
}

func (e *engine) removeNetwork(ctx context.Context, name string) error {
	return e.do(ctx, http.MethodDelete, "/networks/"+name, nil, nil)
}

// sweep removes every container of this run.
func (e *engine) sweep(ctx context.Context) error {
	filter, err := json.Marshal(map[string][]string{"label": {"org.gozun.bench=" + e.label}})
	if err != nil {
		return err
	}
	var left []struct{ ID string }
	query := url.Values{"all": {"1"}, "filters": {string(filter)}}
	if err := e.do(ctx, http.MethodGet, "/containers/json?"+query.Encode(), nil, &left); err != nil {
		return err
	}
	for _, container := range left {
		if err := e.removeContainer(ctx, container.ID); err != nil {
			return err
		}
	}
	return nil
}

// version is what Docker says of itself.
func (e *engine) version(ctx context.Context) (string, error) {
	var v struct{ Version, APIVersion, KernelVersion string }
	err := e.do(ctx, http.MethodGet, "/version", nil, &v)
	return fmt.Sprintf("Docker %s, Linux %s", v.Version, v.KernelVersion), err
}
