package registry

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// Listing is what a search finds of an image.
type Listing struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Official    bool   `json:"is_official"`
	Stars       int    `json:"star_count"`
}

// serveSearch serves what is left of version 1 of the API, as Docker Hub does: the search,
// and the ping before a search in another registry.
func (r *Registry) serveSearch(w http.ResponseWriter, q *http.Request) {
	switch q.URL.Path {
	case "/v1/_ping":
		answer(w, true)
	case "/v1/search":
		found := r.find(q.URL.Query().Get("q"))
		if n, err := strconv.Atoi(q.URL.Query().Get("n")); err == nil && n >= 0 && n < len(found) {
			found = found[:n]
		}
		answer(w, map[string]any{"query": q.URL.Query().Get("q"), "num_results": len(found), "results": found})
	default:
		refuse(w, http.StatusNotFound, "UNSUPPORTED", "no such resource")
	}
}

// find returns the listings in which a term stands, in their order.
func (r *Registry) find(term string) []Listing {
	found := []Listing{}
	for _, l := range r.Listings {
		if strings.Contains(l.Name, term) || strings.Contains(l.Description, term) {
			found = append(found, l)
		}
	}
	return found
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // a caller that hung up cannot be told
}
