package registry

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Registry serves the API. The zero value of its fields is an open registry that answers
// at once; they must not be changed while it serves.
type Registry struct {
	// Username and Password are asked of everybody, unless both are empty.
	Username, Password string

	// Listings are what searches look through, which need not be what can be pulled.
	Listings []Listing

	// Gate, if set, is called before each chunk of a layer is sent, with what was sent of
	// it and its whole size; it may wait.
	Gate func(digest string, sent, whole int)

	mu        sync.Mutex
	blobs     map[string][]byte   // by digest
	manifests map[string]manifest // by "name:reference"
	uploads   map[string][]byte   // by id
	requests  []string
}

type manifest struct {
	mediaType string
	body      []byte
}

// Requests returns what was asked so far: "GET /v2/app/manifests/1 as me".
func (r *Registry) Requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// ServeHTTP serves the API.
func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	username, password, _ := q.BasicAuth()
	r.note(q, username)
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	if !r.knows(username, password) {
		w.Header().Set("WWW-Authenticate", `Basic realm="tests"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return
	}
	name, kind, rest, ok := split(q.URL.Path)
	switch {
	case strings.HasPrefix(q.URL.Path, "/v1/"):
		r.serveSearch(w, q)
	case !ok && strings.TrimRight(q.URL.Path, "/") == "/v2":
		w.WriteHeader(http.StatusOK)
	case kind == "manifests":
		r.serveManifest(w, q, name, rest)
	case kind == "blobs" && strings.HasPrefix(rest, "uploads/"):
		r.serveUpload(w, q, name, strings.TrimPrefix(rest, "uploads/"))
	case kind == "blobs":
		r.serveBlob(w, q, rest)
	default:
		refuse(w, http.StatusNotFound, "UNSUPPORTED", "no such resource")
	}
}

func (r *Registry) note(q *http.Request, username string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := q.Method + " " + q.URL.RequestURI()
	if username != "" {
		line += " as " + username
	}
	r.requests = append(r.requests, line)
}

func (r *Registry) knows(username, password string) bool {
	if r.Username == "" && r.Password == "" {
		return true
	}
	same := subtle.ConstantTimeCompare([]byte(username), []byte(r.Username)) + subtle.ConstantTimeCompare([]byte(password), []byte(r.Password))
	return same == 2
}

// split takes the path of something in a repository apart, whose name may have slashes.
func split(path string) (name, kind, rest string, ok bool) {
	path, ok = strings.CutPrefix(path, "/v2/")
	if !ok {
		return "", "", "", false
	}
	for _, kind := range []string{"manifests", "blobs"} {
		if name, rest, found := strings.Cut(path, "/"+kind+"/"); found {
			return name, kind, rest, true
		}
	}
	return "", "", "", false
}

func (r *Registry) serveManifest(w http.ResponseWriter, q *http.Request, name, reference string) {
	if q.Method == http.MethodPut {
		body, err := io.ReadAll(q.Body)
		if err != nil || !json.Valid(body) {
			refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", "the manifest is not JSON")
			return
		}
		digest := r.putManifest(name, reference, q.Header.Get("Content-Type"), body)
		w.Header().Set("Docker-Content-Digest", digest)
		w.WriteHeader(http.StatusCreated)
		return
	}
	r.mu.Lock()
	m, known := r.manifests[name+":"+reference]
	r.mu.Unlock()
	if !known {
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
		return
	}
	w.Header().Set("Content-Type", m.mediaType)
	w.Header().Set("Docker-Content-Digest", digestOf(m.body))
	http.ServeContent(w, q, "", zeroTime, bytes.NewReader(m.body))
}

func (r *Registry) putManifest(name, reference, mediaType string, body []byte) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.manifests == nil {
		r.manifests = map[string]manifest{}
	}
	digest := digestOf(body)
	for _, key := range []string{reference, digest} {
		r.manifests[name+":"+key] = manifest{mediaType, body}
	}
	return digest
}

func (r *Registry) serveBlob(w http.ResponseWriter, q *http.Request, digest string) {
	r.mu.Lock()
	blob, known := r.blobs[digest]
	r.mu.Unlock()
	if !known {
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Docker-Content-Digest", digest)
	http.ServeContent(w, q, "", zeroTime, &gated{reader: bytes.NewReader(blob), whole: len(blob), gate: func(sent int) {
		if r.Gate != nil && q.Method == http.MethodGet {
			r.Gate(digest, sent, len(blob))
		}
	}})
}

// serveUpload takes a blob in: POST begins, PATCH brings more, PUT ends.
func (r *Registry) serveUpload(w http.ResponseWriter, q *http.Request, name, id string) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "the upload broke off")
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if q.Method == http.MethodPost {
		id = rand.Text()
		if r.uploads == nil {
			r.uploads, r.blobs = map[string][]byte{}, map[string][]byte{}
		}
		r.uploads[id] = nil
	}
	if _, known := r.uploads[id]; !known {
		refuse(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "no such upload")
		return
	}
	r.uploads[id] = append(r.uploads[id], body...)
	w.Header().Set("Location", "/v2/"+name+"/blobs/uploads/"+id)
	w.Header().Set("Range", "0-"+strconv.Itoa(max(0, len(r.uploads[id])-1)))
	if q.Method != http.MethodPut {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	digest := q.URL.Query().Get("digest")
	if digest != digestOf(r.uploads[id]) {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID", "the digest is of something else")
		return
	}
	r.blobs[digest] = r.uploads[id]
	delete(r.uploads, id)
	w.WriteHeader(http.StatusCreated)
}

// Images returns what can be pulled, "name:tag", without those named by digest.
func (r *Registry) Images() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.manifests)), func(key string) bool { return strings.Contains(key, ":sha256:") })
}

// refuse answers with an error as the API has them.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}}) // a caller that hung up cannot be told
}

func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}
