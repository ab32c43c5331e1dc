package client

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Config says where the service is and who calls it.
type Config struct {
	// Endpoint returns the service's URL as the catalog has it, "http://host:9517/v1";
	// without "/v1" it is added. Use Fixed for a constant.
	Endpoint func(ctx context.Context) (string, error)

	// Token returns a token for the X-Auth-Token header. It is called for every request,
	// so it should keep what it has.
	Token func(ctx context.Context) (string, error)

	// Renew makes the next Token call fetch a new one. When it is set, a request that is
	// answered with 401 is repeated once after it.
	Renew func()

	// HTTP sends the requests; nil is a client with bounded waits.
	HTTP *http.Client

	// Microversion pins the API version, "1.40". "" negotiates the highest that both
	// sides speak, with one GET of the service's root at the first call.
	Microversion string

	// Pause waits between the tries of a GET that found nobody listening; nil is a
	// real, cancellable wait.
	Pause func(ctx context.Context, d time.Duration) error
}

// Client calls one container service as one user. It is safe for concurrent use.
type Client struct {
	config Config

	mu      sync.Mutex
	version Version // zero until negotiated
}

// New returns a client. It makes no request.
func New(config Config) *Client {
	if config.HTTP == nil {
		config.HTTP = &http.Client{Transport: transport()}
	}
	if config.Pause == nil {
		config.Pause = pause
	}
	return &Client{config: config}
}

// Fixed returns a source that always gives value, for Config.Endpoint and Config.Token.
func Fixed(value string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return value, nil }
}

// transport bounds the waits for a connection and for an answer. Making a network and
// executing a command are answered only when done, hence the two minutes.
func transport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 2 * time.Minute,
		IdleConnTimeout:       time.Minute,
		MaxIdleConnsPerHost:   8,
		ForceAttemptHTTP2:     true,
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// base returns the endpoint with /v1 and without a slash at the end.
func (c *Client) base(ctx context.Context) (string, error) {
	endpoint, err := c.config.Endpoint(ctx)
	if err != nil {
		return "", err
	}
	endpoint = strings.TrimRight(endpoint, "/")
	if !strings.HasSuffix(endpoint, "/v1") {
		endpoint += "/v1"
	}
	return endpoint, nil
}
