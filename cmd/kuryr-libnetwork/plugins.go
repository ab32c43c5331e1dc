package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gozun/gozun/internal/kuryr/check"
)

// pluginSocket is where the plugin should be serving.
type pluginSocket string

// Activate does Docker's handshake, which changes nothing.
func (p pluginSocket) Activate(ctx context.Context) (check.Activation, error) {
	var told check.Activation
	info, err := os.Lstat(string(p))
	if err != nil {
		return told, err
	}
	told.Mode = info.Mode()
	client := clientOf("unix", string(p))
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://plugin/Plugin.Activate", http.NoBody)
	if err != nil {
		return told, err
	}
	response, err := client.Do(request)
	if err != nil {
		return told, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil {
		return told, fmt.Errorf("its answer is not that of a plugin: %w", err)
	}
	return told, nil
}

// pluginFiles are the files by which Docker finds plugins (moby pkg/plugins/discovery.go):
// sockets, and specs that name an address, either as NAME.EXT or as NAME/NAME.EXT.
type pluginFiles struct {
	socket string // of the plugin itself, whose directory is looked at too
	root   string // "/", but for tests
}

// PluginFiles lists them and tries each address.
func (p pluginFiles) PluginFiles(ctx context.Context) ([]check.PluginFile, error) {
	found := []check.PluginFile{}
	for _, place := range []struct{ dir, kinds string }{
		{p.under("run/docker/plugins"), ".sock"},
		{filepath.Dir(p.socket), ".sock"},
		{p.under("etc/docker/plugins"), ".spec .json"},
		{p.under("usr/lib/docker/plugins"), ".spec .json"},
	} {
		for _, pattern := range []string{"*", "*/*"} {
			names, err := filepath.Glob(filepath.Join(place.dir, pattern))
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				if kind := filepath.Ext(name); kind != "" && strings.Contains(place.kinds, kind) && !has(found, name) {
					found = append(found, pluginFile(ctx, name))
				}
			}
		}
	}
	return found, nil
}

func (p pluginFiles) under(path string) string { return filepath.Join(p.root, path) }

func has(files []check.PluginFile, path string) bool {
	for _, f := range files {
		if f.Path == path {
			return true
		}
	}
	return false
}

// pluginFile reads one file and tries its address.
func pluginFile(ctx context.Context, path string) check.PluginFile {
	f := check.PluginFile{Path: path, Driver: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))}
	if f.Address, f.Err = addressIn(path); f.Err != nil {
		f.Address = "an address that cannot be read"
		return f
	}
	f.Err = dial(ctx, f.Address)
	return f
}

// addressIn returns the address that a file stands for.
func addressIn(path string) (string, error) {
	if filepath.Ext(path) == ".sock" {
		return "unix://" + path, nil
	}
	text, err := os.ReadFile(path)
	if err != nil || filepath.Ext(path) == ".spec" {
		return strings.TrimSpace(string(text)), err
	}
	var spec struct{ Addr string }
	if err := json.Unmarshal(text, &spec); err != nil {
		return "", err
	}
	if spec.Addr == "" {
		return "", errors.New("no Addr in it")
	}
	return spec.Addr, nil
}

// dial tries whether somebody serves an address.
func dial(ctx context.Context, address string) error {
	parsed, err := url.Parse(address)
	if err != nil {
		return err
	}
	kind, place := "tcp", parsed.Host
	if parsed.Scheme == "unix" {
		kind, place = "unix", parsed.Path
	}
	if place == "" {
		return fmt.Errorf("%q is no address: %w", address, fs.ErrInvalid)
	}
	conn, err := new(net.Dialer).DialContext(ctx, kind, place)
	if err != nil {
		return err
	}
	return conn.Close()
}
