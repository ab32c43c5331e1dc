package keystone

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/gozun/gozun/zun"
)

// Bounds on every call: how long to wait for a connection and for the whole of it.
const (
	dialTimeout = 5 * time.Second
	callTimeout = 30 * time.Second
)

// expiryMargin is how long before its end a token is no longer given out, so that a call
// begun with it can finish.
const expiryMargin = time.Minute

// Session is one login, made at first use and made again when it ends. It is safe for
// concurrent use; callers that come while a login is under way share it.
type Session struct {
	// Now is the clock; it may be replaced before first use.
	Now func() time.Time
	// Timeout bounds one login or validation; it may be replaced before first use.
	Timeout time.Duration

	credentials Credentials
	log         *slog.Logger
	http        *http.Client
	broken      error // what is wrong with the credentials, found by Open

	logins  singleflight.Group
	mu      sync.Mutex
	current *login
}

// Open returns a session without any network traffic. What is wrong with the credentials
// is told by the first call that needs them.
func Open(credentials Credentials, log *slog.Logger) *Session {
	s := &Session{Now: time.Now, Timeout: callTimeout, credentials: credentials, log: log}
	tlsConfig, err := trust(credentials)
	s.broken = err
	s.http = &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:       tlsConfig,
			TLSHandshakeTimeout:   dialTimeout,
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       30 * time.Second,
			ForceAttemptHTTP2:     true,
			ExpectContinueTimeout: time.Second,
		},
		// A redirect would carry the token to wherever it points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

func trust(c Credentials) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.Insecure}
	if c.CACert == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.CACert)
	if err != nil {
		return config, zun.Errorf(zun.CodeInvalid, "cannot read the CA certificates (OS_CACERT): %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return config, zun.Errorf(zun.CodeInvalid, "cannot use the CA certificates in %s (OS_CACERT): no PEM certificate in it", c.CACert)
	}
	return config, nil
}

// HTTP returns the client whose connections, trust and proxies the session uses; it has
// no timeout of its own, so the caller's context must have one.
func (s *Session) HTTP() *http.Client { return s.http }

// Token returns a token that is good for a minute at least, logging in if there is none.
//
// CodeUnauthorized: Keystone does not take the credentials. CodeUnavailable: Keystone
// does not answer. CodeInvalid: the credentials cannot be used at all.
func (s *Session) Token(ctx context.Context) (string, error) {
	in, err := s.login(ctx)
	if err != nil {
		return "", err
	}
	return in.token, nil
}

// ProjectID returns the project that the login is for, "" if it is for none.
func (s *Session) ProjectID(ctx context.Context) (string, error) {
	in, err := s.login(ctx)
	if err != nil {
		return "", err
	}
	return in.body.Project.ID, nil
}

// Endpoint returns the URL of the service of the given type ("network", "container",
// "identity"), without a slash at the end. One set by hand wins over the catalog and
// needs no login.
//
// CodeUnavailable: the catalog has none; other codes are those of Token.
func (s *Session) Endpoint(ctx context.Context, serviceType string) (string, error) {
	if url := s.credentials.Endpoints[serviceType]; url != "" {
		return strings.TrimRight(url, "/"), nil
	}
	in, err := s.login(ctx)
	if err != nil {
		return "", err
	}
	return in.endpoint(serviceType, s.credentials.availability(), s.credentials.Region)
}

// Invalidate makes the next call log in anew, for a caller that was told that the
// session's token is not valid.
func (s *Session) Invalidate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = nil
}

// Refused is Invalidate for a caller that knows which token was refused: if the session
// has another one by now, that one stays.
func (s *Session) Refused(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.current.token == token {
		s.current = nil
	}
}

func (s *Session) login(ctx context.Context) (*login, error) {
	if s.broken != nil {
		return nil, s.broken
	}
	if in := s.fresh(); in != nil {
		return in, nil
	}
	// The login outlives a caller that gives up, for the others who wait for it.
	result := s.logins.DoChan("", func() (any, error) {
		if in := s.fresh(); in != nil {
			return in, nil
		}
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Timeout)
		defer cancel()
		in, err := s.authenticate(bounded)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.current = in
		return in, nil
	})
	select {
	case <-ctx.Done():
		return nil, zun.Wrap(zun.CodeUnavailable, ctx.Err(), "cannot log in: no answer from Keystone at %s in time", s.credentials.AuthURL)
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*login), nil
	}
}

// fresh returns the login if it can still be used. A token without a user to renew it is
// used to its very end.
func (s *Session) fresh() *login {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil
	}
	left := s.current.body.ExpiresAt.Sub(s.Now())
	lifetime := s.current.body.ExpiresAt.Sub(s.current.body.IssuedAt)
	if left <= min(expiryMargin, lifetime/4) && !s.credentials.usesTokenAsIs() {
		return nil
	}
	return s.current
}
