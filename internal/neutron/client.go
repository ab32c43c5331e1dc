package neutron

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2"

	"github.com/gozun/gozun/internal/keystone"
)

// defaultTimeout bounds one call, all its pages and a renewed login included.
const defaultTimeout = 30 * time.Second

// Options adjust a Client; the zero Options are good.
type Options struct {
	Endpoint string            // Neutron's URL with or without /v2.0; "" takes the catalog's
	Timeout  time.Duration     // of one call; 0 is 30 s
	OnCall   func(verb string) // called before every HTTP request with "POST ports" and the like, for counting
	// Observe, if set, is told of every HTTP request after it: "POST ports", the status (0: no
	// answer) and the time it took. ctx is the caller's.
	Observe func(ctx context.Context, call string, status int, took time.Duration)
}

// Client calls Neutron with a session's token, or, made by As, with a user's. It is safe
// for concurrent use.
//
// Every error is a *zun.Error: a 404 is CodeNetworkNotFound, CodePortNotFound or
// CodeNotFound, a 400 CodeInvalid, 401 CodeUnauthorized, 403 CodePolicyNotAuthorized, 409
// CodeConflict (CodeOverQuota when that is the reason); anything else, no answer
// included, is CodeUnavailable. The message says what was tried and carries Neutron's own
// words.
type Client struct {
	session  *keystone.Session
	options  Options
	token    string // of a user; "" is the session's own
	features *features
}

// New returns a Client without any network traffic.
func New(s *keystone.Session, options Options) *Client {
	if options.Timeout <= 0 {
		options.Timeout = defaultTimeout
	}
	return &Client{session: s, options: options, features: &features{}}
}

// As returns a Client for the same Neutron that acts with the given token and nothing
// else: it never falls back to the session's rights, and a token that is over is
// CodeUnauthorized.
func (c *Client) As(token string) *Client {
	user := *c
	user.token = token
	if token == "" {
		user.token = " " // refused by Neutron; "" would be the session's own
	}
	return &user
}

// features are the extensions that Neutron has, asked for once.
type features struct {
	mu    sync.Mutex
	known map[string]bool
}

// request is one HTTP request in the making.
type request struct {
	method string
	path   string // below /v2.0/, with its query; or a whole URL, for the next page of a list
	body   any
	answer any
	header map[string]string // beside the usual ones
}

// kind returns the resource's plural, for counting: never an id.
func (r request) kind() string {
	path := r.path
	if i := strings.Index(path, "/v2.0/"); i >= 0 {
		path = path[i+len("/v2.0/"):]
	}
	end := strings.IndexAny(path, "/?")
	if end < 0 {
		return path
	}
	return path[:end]
}

// call makes one request, and when the session's own token is refused, one more with a
// new login. doing begins the error's message.
func (c *Client) call(ctx context.Context, doing string, r request) error {
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		token, err := c.bearer(ctx)
		if err != nil {
			return refused(doing, err)
		}
		base, err := c.base(ctx)
		if err != nil {
			return refused(doing, err)
		}
		err = c.send(ctx, token, base, r)
		if err == nil {
			return nil
		}
		if c.token == "" && attempt == 1 && gophercloud.ResponseCodeIs(err, http.StatusUnauthorized) {
			c.session.Refused(token)
			continue
		}
		return explain(doing, r.kind(), base, err)
	}
}

func (c *Client) send(ctx context.Context, token, base string, r request) error {
	if c.options.OnCall != nil {
		c.options.OnCall(r.method + " " + r.kind())
	}
	provider := &gophercloud.ProviderClient{TokenID: token, HTTPClient: *c.session.HTTP()}
	provider.UserAgent.Prepend("gozun")
	service := &gophercloud.ServiceClient{ProviderClient: provider, Type: "network"}
	url := r.path
	if !strings.Contains(url, "://") {
		url = base + "/v2.0/" + url
	}
	began := time.Now()
	response, err := service.Request(ctx, r.method, url, &gophercloud.RequestOpts{ //nolint:bodyclose // gophercloud has read and closed it
		JSONBody: r.body, JSONResponse: r.answer, MoreHeaders: r.header, OkCodes: []int{200, 201, 202, 204},
	})
	if c.options.Observe != nil {
		c.options.Observe(ctx, r.method+" "+r.kind(), statusOf(response, err), time.Since(began))
	}
	return err
}

// statusOf returns the HTTP status of an answer, 0 if there was none.
func statusOf(response *http.Response, err error) int {
	var answer gophercloud.ErrUnexpectedResponseCode
	switch {
	case errors.As(err, &answer):
		return answer.Actual
	case response != nil:
		return response.StatusCode
	}
	return 0
}

func (c *Client) bearer(ctx context.Context) (string, error) {
	if c.token != "" {
		return c.token, nil
	}
	return c.session.Token(ctx)
}

// base returns Neutron's URL without the version.
func (c *Client) base(ctx context.Context) (string, error) {
	url := c.options.Endpoint
	if url == "" {
		var err error
		if url, err = c.session.Endpoint(ctx, "network"); err != nil {
			return "", err
		}
	}
	return strings.TrimSuffix(strings.TrimRight(url, "/"), "/v2.0"), nil
}

// has reports whether Neutron has the extension. When it cannot be asked the answer is
// no, for this once: every use has another way.
func (c *Client) has(ctx context.Context, alias string) bool {
	c.features.mu.Lock()
	known := c.features.known
	c.features.mu.Unlock()
	if known == nil {
		var list struct{ Extensions []struct{ Alias string } }
		if err := c.call(ctx, "cannot list extensions", request{method: "GET", path: "extensions?fields=alias", answer: &list}); err != nil {
			return false
		}
		known = map[string]bool{}
		for _, extension := range list.Extensions {
			known[extension.Alias] = true
		}
		c.features.mu.Lock()
		c.features.known = known
		c.features.mu.Unlock()
	}
	return known[alias]
}
