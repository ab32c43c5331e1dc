package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/gozun/gozun/internal/kuryr/check"
)

// engine is the Docker Engine that listens at an address, spoken to with two plain GETs.
type engine struct{ address string }

// dockerAddress is where the Docker Engine listens, as the docker command finds it.
func dockerAddress(given string) string {
	for _, address := range []string{given, os.Getenv("DOCKER_HOST")} {
		if address != "" {
			return address
		}
	}
	return "unix:///var/run/docker.sock"
}

// Engine asks for the version and for networks with the driver.
func (e engine) Engine(ctx context.Context, driver string) (check.Engine, error) {
	client, err := e.client()
	if err != nil {
		return check.Engine{}, err
	}
	defer client.CloseIdleConnections()
	var info struct{ ServerVersion string }
	if err := get(ctx, client, "/info", &info); err != nil {
		return check.Engine{}, fmt.Errorf("cannot ask Docker at %s: %w", e.address, err)
	}
	found := check.Engine{Version: info.ServerVersion}
	filter, err := json.Marshal(map[string][]string{"driver": {driver}})
	if err != nil {
		return found, err
	}
	var networks []struct{ Name, Driver string }
	if err := get(ctx, client, "/networks?filters="+url.QueryEscape(string(filter)), &networks); err != nil {
		return found, fmt.Errorf("cannot ask Docker at %s: %w", e.address, err)
	}
	for _, n := range networks {
		if n.Driver == driver {
			found.Networks = append(found.Networks, n.Name)
		}
	}
	slices.Sort(found.Networks)
	return found, nil
}

func (e engine) client() (*http.Client, error) {
	kind, place, _ := strings.Cut(e.address, "://")
	if kind != "unix" && kind != "tcp" {
		return nil, fmt.Errorf("cannot ask Docker at %q: neither unix:// nor tcp://", e.address)
	}
	return clientOf(kind, place), nil
}

// Networks returns the engine's id and the ids of its networks.
func (e engine) Networks(ctx context.Context) (id string, networks []string, err error) {
	client, err := e.client()
	if err != nil {
		return "", nil, err
	}
	defer client.CloseIdleConnections()
	var info struct{ ID string }
	if err := get(ctx, client, "/info", &info); err != nil {
		return "", nil, fmt.Errorf("cannot ask Docker at %s: %w", e.address, err)
	}
	var found []struct{ ID string }
	if err := get(ctx, client, "/networks", &found); err != nil {
		return "", nil, fmt.Errorf("cannot ask Docker at %s: %w", e.address, err)
	}
	for _, n := range found {
		networks = append(networks, n.ID)
	}
	return info.ID, networks, nil
}

// clientOf returns a client whose every connection goes to one place.
func clientOf(kind, place string) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, kind, place)
	}}}
}

// get asks one thing. Without a version in the path every Docker answers as it likes best.
func get(ctx context.Context, client *http.Client, path string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker"+path, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}
