package libnetwork

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/zun"
)

// Driver is what the protocol is told to; kuryr.Driver is it.
type Driver interface {
	Scope() string
	ChoosesMACs() bool
	RequestPool(ctx context.Context, r kuryr.PoolRequest) (kuryr.PoolAnswer, error)
	ReleasePool(ctx context.Context, id string) error
	RequestAddress(ctx context.Context, r kuryr.AddressRequest) (Prefix, error)
	ReleaseAddress(ctx context.Context, poolID string, ip Addr) error
	CreateNetwork(ctx context.Context, r kuryr.NetworkRequest) error
	DeleteNetwork(ctx context.Context, id string) error
	CreateEndpoint(ctx context.Context, r kuryr.EndpointRequest) (mac string, err error)
	DeleteEndpoint(ctx context.Context, networkID, endpointID string) error
	EndpointInfo(ctx context.Context, endpointID string) (map[string]string, error)
	Join(ctx context.Context, networkID, endpointID string) (kuryr.Joined, error)
	Leave(ctx context.Context, networkID, endpointID string) error
	Expose(ctx context.Context, networkID, endpointID string, ports []kuryr.Exposed) error
	Conceal(ctx context.Context, networkID, endpointID string) error
}

// Options adjust a Handler.
type Options struct {
	Log          *slog.Logger // required
	AddressSpace string       // name of the one address space; "" is no_address_space
	// Deadline bounds every verb; 0 is 20 s. dockerd holds locks while it waits and has no
	// limit of its own.
	Deadline time.Duration
	// Observe, if set, is told every verb with its HTTP status and time, for metrics.
	Observe func(verb string, status int, took time.Duration)
	// Waited, if set, tells for the log how long the verb that ctx is about has waited for
	// Neutron, and how long all verbs so far have for the disk.
	Waited func(ctx context.Context) (neutron, disk time.Duration)
}

// The bounds of a request.
const (
	defaultDeadline = 20 * time.Second
	largestBody     = 1 << 20
	defaultSpace    = "no_address_space"
)

// The content types of answers, as the Python plugin has them.
const (
	typeAnswer = "application/json"
	typeError  = "application/vnd.docker.plugins.v1+json; charset=utf-8"
)

// verb does one verb of the protocol with the request's body and returns the answer's; nil
// is {}.
type verb func(ctx context.Context, body []byte) (any, error)

// Handler serves the protocol for a driver. Activation and capabilities are answered
// without the driver doing anything.
func Handler(driver Driver, o Options) http.Handler {
	if o.Deadline <= 0 {
		o.Deadline = defaultDeadline
	}
	if o.AddressSpace == "" {
		o.AddressSpace = defaultSpace
	}
	return &handler{Options: o, verbs: verbs(driver, o)}
}

type handler struct {
	Options
	verbs map[string]verb
}

// ServeHTTP serves one verb. The body is JSON whatever the Content-Type: dockerd sends
// none.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began, before := time.Now(), h.waits(r.Context())
	status, answer, body, err := h.serve(w, r)
	if err != nil {
		answer = refusal{Err: err.Error()}
	}
	raw, marshalErr := json.Marshal(answer)
	if marshalErr != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"Err":"cannot write the answer"}`)
		err = marshalErr
	}
	w.Header().Set("Content-Type", map[bool]string{true: typeAnswer, false: typeError}[err == nil])
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n'))
	took := time.Since(began)
	h.tell(r.URL.Path, body, status, took, h.waits(r.Context()).since(before), err)
	if h.Observe != nil {
		name := r.URL.Path
		if _, known := h.verbs[name]; !known {
			name = "unknown"
		}
		h.Observe(name, status, took)
	}
}

// refusal is the body of every error. Docker's network and IPAM proxies both read Err in an
// answer that is not 200.
type refusal struct{ Err string }

func (h *handler) serve(w http.ResponseWriter, r *http.Request) (status int, answer any, body []byte, err error) {
	do, known := h.verbs[r.URL.Path]
	if !known {
		return http.StatusNotFound, nil, nil, errors.New("404 Not Found")
	}
	if r.Method != http.MethodPost {
		return http.StatusMethodNotAllowed, nil, nil, errors.New("405 Method Not Allowed")
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, largestBody))
	if err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			return http.StatusRequestEntityTooLarge, nil, nil, fmt.Errorf("the request is over %d bytes", largestBody)
		}
		return http.StatusBadRequest, nil, nil, errors.New("cannot read the request")
	}
	// dockerd going away must not leave a verb half done.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), h.Deadline)
	defer cancel()
	answer, err = h.call(ctx, r.URL.Path, do, body)
	if err != nil {
		return statusOf(r.URL.Path, err), nil, body, err
	}
	if answer == nil {
		answer = struct{}{}
	}
	return http.StatusOK, answer, body, nil
}

// call runs a verb and turns a panic into an error.
func (h *handler) call(ctx context.Context, path string, do verb, body []byte) (answer any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			h.Log.Error("a verb panicked", "verb", path, "panic", cause, "stack", string(debug.Stack()))
			err = zun.Errorf(zun.CodeInternal, "%s failed inside the plugin; its log tells more", path)
		}
	}()
	return do(ctx, body)
}

// statusOf returns the HTTP status of an error. The Python plugin tells an unknown network
// with a 200; Docker's network proxy, not that of IPAM, reads Err there too.
func statusOf(path string, err error) int {
	switch path {
	case "/NetworkDriver.CreateEndpoint", "/NetworkDriver.DeleteEndpoint", "/NetworkDriver.Join":
		if zun.CodeOf(err) == zun.CodeNetworkNotFound {
			return http.StatusOK
		}
	case "/NetworkDriver.ProgramExternalConnectivity", "/NetworkDriver.RevokeExternalConnectivity":
		// A 404 is "no such verb" to dockerd here, which it ignores.
		if zun.CodeOf(err).Status() == http.StatusNotFound {
			return http.StatusConflict
		}
	}
	return zun.CodeOf(err).Status()
}

// waits are times spent waiting.
type waits struct{ neutron, disk time.Duration }

func (h *handler) waits(ctx context.Context) (w waits) {
	if h.Waited != nil {
		w.neutron, w.disk = h.Waited(ctx)
	}
	return w
}

func (w waits) since(before waits) waits {
	return waits{w.neutron - before.neutron, w.disk - before.disk}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// tell logs one verb with the ids in its body, and where its time went.
func (h *handler) tell(path string, body []byte, status int, took time.Duration, w waits, err error) {
	var ids struct{ NetworkID, EndpointID, PoolID, Address, Pool string }
	_ = json.Unmarshal(body, &ids)
	attributes := []any{"verb", path, "status", status, "ms", milliseconds(took), "neutron_ms", milliseconds(w.neutron), "disk_ms", milliseconds(w.disk)}
	for _, id := range []struct{ name, value string }{
		{"network", ids.NetworkID}, {"endpoint", ids.EndpointID}, {"pool", ids.PoolID}, {"address", ids.Address}, {"cidr", ids.Pool},
	} {
		if id.value != "" {
			attributes = append(attributes, id.name, id.value)
		}
	}
	if err != nil {
		h.Log.Warn("refused a verb", append(attributes, "error", err, "cause", errors.Unwrap(err))...)
		return
	}
	h.Log.Info("did a verb", attributes...)
}

// decode reads a body into a value of type T.
func decode[T any](body []byte) (T, error) {
	var value T
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&value); err != nil {
		return value, zun.Errorf(zun.CodeInvalid, "the request is not the JSON that was expected: %v", err)
	}
	return value, nil
}
