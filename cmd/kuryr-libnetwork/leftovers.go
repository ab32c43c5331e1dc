package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/internal/kuryr/check"
	"github.com/gozun/gozun/zun"
)

// leftoversPath is what the check asks the plugin on its socket: only the plugin has its
// records open. Docker knows nothing of it.
const leftoversPath = "/Kuryr.Leftovers"

// leftoversAnswer is the body of the answer; Err is as in every other answer.
type leftoversAnswer struct {
	Leftovers []check.Leftover
	Err       string `json:",omitempty"`
}

// leftovers answers with what the driver sees left behind. It changes nothing.
type leftovers struct {
	driver *kuryr.Driver
	log    *slog.Logger
}

// ServeHTTP answers one request.
func (l leftovers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const longest = 20 * time.Second
	ctx, cancel := context.WithTimeout(r.Context(), longest)
	defer cancel()
	found, err := l.driver.Leftovers(ctx)
	answer := leftoversAnswer{Leftovers: []check.Leftover{}}
	for _, f := range found {
		answer.Leftovers = append(answer.Leftovers, check.Leftover{Kind: f.Kind, ID: f.ID, Name: f.Name, Reason: f.Reason, Since: f.Since})
	}
	status := http.StatusOK
	if err != nil {
		status, answer.Err = zun.CodeOf(err).Status(), err.Error()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		l.log.Debug("cannot answer", "verb", leftoversPath, "error", err)
	}
}

// Leftovers asks the plugin that serves the socket. One without the question answers 404.
func (p pluginSocket) Leftovers(ctx context.Context) ([]check.Leftover, error) {
	client := clientOf("unix", string(p))
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://plugin"+leftoversPath, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var told leftoversAnswer
	if err := json.NewDecoder(response.Body).Decode(&told); err != nil || response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the plugin does not tell what is left behind: %s %s", response.Status, told.Err)
	}
	return told.Leftovers, nil
}
