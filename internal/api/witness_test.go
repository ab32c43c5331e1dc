package api

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gozun/gozun/internal/policy"
)

// witnessed returns a handler that holds every request that is done, and every answer,
// against the schemas of the repository. Benchmarks do without.
func (f *fixture) witnessed(handler http.Handler, rules *policy.Engine) http.Handler {
	if _, measures := f.TB.(*testing.B); measures {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := said{method: r.Method, url: r.URL, version: r.Header.Get(versionHeader), declared: r.Header.Get("Content-Type"), rules: rules}
		var sent bytes.Buffer
		if r.Body != nil {
			r.Body = tee{io.TeeReader(r.Body, &sent), r.Body}
		}
		recorded := &recorded{ResponseWriter: w, status: http.StatusOK}
		handler.ServeHTTP(recorded, r)
		if recorded.hijacked {
			return
		}
		x.sent, x.status, x.header, x.body = sent.Bytes(), recorded.status, w.Header(), recorded.body.Bytes()
		if wrong := theContract().check(x); len(wrong) > 0 {
			f.Errorf("%s %s (%s) %.300s: %d %.700s\n\t%s", x.method, x.url, x.header.Get(versionHeader), x.sent, x.status, x.body,
				strings.Join(wrong[:min(len(wrong), 5)], "\n\t"))
		}
	})
}

// tee is a body that is read along.
type tee struct {
	io.Reader
	io.Closer
}

// recorded is a ResponseWriter that keeps what is written.
type recorded struct {
	http.ResponseWriter
	status   int
	body     bytes.Buffer
	hijacked bool
}

func (r *recorded) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorded) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

// Hijack gives the connection away, for websockets; then there is nothing to hold against
// anything.
func (r *recorded) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	r.hijacked = true
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

// Unwrap lets http.ResponseController reach what is within.
func (r *recorded) Unwrap() http.ResponseWriter { return r.ResponseWriter }
