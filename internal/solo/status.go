package solo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// endpointsFile says where a running process listens.
const endpointsFile = "endpoints.json"

// Endpoints are the URLs of a running process; Identity and Network are empty when they
// are another's.
type Endpoints struct {
	Identity  string `json:"identity,omitempty"`
	Network   string `json:"network,omitempty"`
	Container string `json:"container"`
	Plugin    string `json:"plugin"` // name of the Docker driver
}

func (e Endpoints) write(dir string) error {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, endpointsFile), string(text)+"\n")
}

// readEndpoints returns what the last process to serve from a state directory wrote.
func readEndpoints(stateDir string) (Endpoints, error) {
	var endpoints Endpoints
	text, err := os.ReadFile(filepath.Join(stateDir, endpointsFile))
	if err != nil {
		return endpoints, err
	}
	if err := json.Unmarshal(text, &endpoints); err != nil {
		return endpoints, fmt.Errorf("cannot read %s: %w", endpointsFile, err)
	}
	return endpoints, nil
}

// Status returns where the process with this state directory listens. It is an error if
// none runs there or one of its services does not answer within two seconds.
func Status(ctx context.Context, stateDir string) (Endpoints, error) {
	endpoints, err := readEndpoints(stateDir)
	if errors.Is(err, fs.ErrNotExist) {
		return endpoints, fmt.Errorf("no zund runs on %s. Try: zund solo --state-dir %s", stateDir, stateDir)
	}
	if err != nil {
		return endpoints, err
	}
	checks := []struct{ name, url string }{
		{"identity", endpoints.Identity},
		{"network", endpoints.Network},
		{"container", endpoints.Container},
	}
	for _, check := range checks {
		if err := answers(ctx, check.url); err != nil {
			return endpoints, fmt.Errorf("the %s service at %s does not answer: %w", check.name, check.url, err)
		}
	}
	return endpoints, nil
}

// answers asks a service for its versions. Any answer below 500 will do: it is up.
func answers(ctx context.Context, url string) error {
	if url == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	if response.StatusCode >= 500 {
		return fmt.Errorf("HTTP %s", response.Status)
	}
	return nil
}

// AwaitStatus is Status, asked again and again until it succeeds or ctx ends.
func AwaitStatus(ctx context.Context, stateDir string) (Endpoints, error) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		endpoints, err := Status(ctx, stateDir)
		if err == nil {
			return endpoints, nil
		}
		select {
		case <-ctx.Done():
			return endpoints, err
		case <-ticker.C:
		}
	}
}
