package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gozun/gozun/internal/link"
)

// floor is the least that a remote network driver can do: a veth on a bridge, and answers
// from memory. What a container costs on it is what Docker itself asks for any remote
// driver.
type floor struct {
	name      string // of the driver
	bridge    string
	links     *link.Handle
	gateway   netip.Addr
	addresses *addresses
	server    *http.Server

	mu   sync.Mutex
	made int
	done []verbTime
	taps map[string]int // by Docker's endpoint id
}

const pluginDir = "/run/docker/plugins"

// startFloor serves the plugin; Docker finds it by its socket's name.
func startFloor(ctx context.Context, name, bridge string, subnet netip.Prefix, gateway netip.Addr) (*floor, error) {
	links, err := link.Open("")
	if err != nil {
		return nil, err
	}
	f := &floor{
		name: name, bridge: bridge, links: links, gateway: gateway, addresses: newAddresses(subnet, gateway), taps: map[string]int{},
	}
	if _, err := links.EnsureBridge(bridge, 0); err != nil {
		links.Close()
		return nil, err
	}
	if err := os.MkdirAll(pluginDir, 0o755); err != nil {
		return nil, errors.Join(err, f.stop())
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", f.socket())
	if err != nil {
		return nil, errors.Join(err, f.stop())
	}
	f.server = &http.Server{Handler: http.HandlerFunc(f.serve), ReadHeaderTimeout: longest}
	go f.server.Serve(listener) //nolint:errcheck // ends when it is closed
	return f, nil
}

func (f *floor) socket() string { return filepath.Join(pluginDir, f.name+".sock") }

// stop removes all of it.
func (f *floor) stop() error {
	var errs []error
	if f.server != nil {
		errs = append(errs, f.server.Close())
	}
	for _, n := range f.taps {
		errs = append(errs, f.links.Delete(f.tap(n)))
	}
	errs = append(errs, f.links.Delete(f.bridge))
	f.links.Close()
	return errors.Join(errs...)
}

func (f *floor) tap(n int) string  { return fmt.Sprintf("%s-%d", f.bridge, n) }
func (f *floor) peer(n int) string { return fmt.Sprintf("%sc%d", f.bridge, n) }

// question holds the fields of the protocol's requests that matter here.
type question struct {
	EndpointID, Pool, Address string
	Options                   map[string]any
}

// serve answers one verb of the remote driver protocol.
func (f *floor) serve(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	var q question
	_ = json.NewDecoder(r.Body).Decode(&q) // some verbs have no body
	answer, err := f.answer(r.URL.Path, q)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		answer = object{"Err": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(answer)
	ended := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, verbTime{ended: ended, verb: r.URL.Path, took: ended.Sub(began)})
}

// times are those of all calls so far.
func (f *floor) times() []verbTime {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.done)
}

type object map[string]any

func (f *floor) answer(verb string, q question) (object, error) {
	switch verb {
	case "/Plugin.Activate":
		return object{"Implements": []string{"NetworkDriver", "IpamDriver"}}, nil
	case "/NetworkDriver.GetCapabilities":
		return object{"Scope": "local", "ConnectivityScope": "local"}, nil
	case "/IpamDriver.GetCapabilities":
		return object{"RequiresMACAddress": true}, nil
	case "/IpamDriver.GetDefaultAddressSpaces":
		return object{"LocalDefaultAddressSpace": f.name, "GlobalDefaultAddressSpace": f.name}, nil
	case "/IpamDriver.RequestPool":
		return object{"PoolID": q.Pool, "Pool": q.Pool}, nil
	case "/IpamDriver.RequestAddress":
		return f.requestAddress(q.Address)
	case "/IpamDriver.ReleaseAddress":
		return object{}, f.releaseAddress(q.Address)
	case "/NetworkDriver.CreateEndpoint":
		return object{"Interface": object{}}, f.plug(q.EndpointID)
	case "/NetworkDriver.Join":
		return object{
			"InterfaceName":         object{"SrcName": f.peer(f.endpoint(q.EndpointID)), "DstPrefix": "eth"},
			"Gateway":               f.gateway.String(),
			"DisableGatewayService": true,
		}, nil
	case "/NetworkDriver.DeleteEndpoint":
		return object{}, f.unplug(q.EndpointID)
	}
	return object{}, nil
}

// requestAddress answers with the asked address, which is the gateway's, or with one of ours.
func (f *floor) requestAddress(asked string) (object, error) {
	if asked != "" {
		return object{"Address": fmt.Sprintf("%s/%d", asked, f.addresses.subnet.Bits())}, nil
	}
	address, err := f.addresses.take()
	return object{"Address": address.String()}, err
}

func (f *floor) releaseAddress(text string) error {
	ip, err := netip.ParseAddr(text)
	if err == nil {
		f.addresses.release(ip)
	}
	return err
}

func (f *floor) endpoint(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.taps[id]
}

func (f *floor) plug(id string) error {
	f.mu.Lock()
	f.made++
	n := f.made
	f.taps[id] = n
	f.mu.Unlock()
	if err := f.links.EnsureVeth(link.Veth{Name: f.tap(n), Peer: f.peer(n)}); err != nil {
		return err
	}
	return f.links.SetMaster(f.tap(n), f.bridge)
}

func (f *floor) unplug(id string) error {
	f.mu.Lock()
	n := f.taps[id]
	delete(f.taps, id)
	f.mu.Unlock()
	return f.links.Delete(f.tap(n))
}
