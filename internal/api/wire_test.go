package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestOnTheWire sends requests as bytes to a real server, because Go's own client would
// tidy them up.
func TestOnTheWire(t *testing.T) {
	f := newFixture(t)
	server := httptest.NewServer(f.handler)
	defer server.Close()
	for _, test := range []struct {
		name, request string
		status        int
	}{
		{"tempest's empty segment", "GET /v1/containers//web HTTP/1.1\r\nX-Auth-Token: user\r\n", 200},
		{"empty segments everywhere", "GET //v1//containers// HTTP/1.1\r\nX-Auth-Token: user\r\n", 200},
		{"dots are no way up", "GET /v1/containers/../containers HTTP/1.1\r\nX-Auth-Token: user\r\n", 404},
		{"escaped slash", "GET /v1/containers/a%2Fb HTTP/1.1\r\nX-Auth-Token: user\r\n", 404},
		{"escaped NUL", "GET /v1/containers/%00 HTTP/1.1\r\nX-Auth-Token: user\r\n", 404},
		{"escaped bad UTF-8", "GET /v1/containers/%ff%fe HTTP/1.1\r\nX-Auth-Token: user\r\n", 404},
		{"absolute form", "GET http://elsewhere/v1/containers HTTP/1.1\r\nX-Auth-Token: user\r\n", 200},
		{"version twice", "GET /v1/containers HTTP/1.1\r\nX-Auth-Token: user\r\nOpenStack-API-Version: container 1.1\r\nOpenStack-API-Version: container 1.2\r\n", 406},
		{"token twice", "GET /v1/containers HTTP/1.1\r\nX-Auth-Token: rubbish\r\nX-Auth-Token: user\r\n", 401},
		{"token of bytes", "GET /v1/containers HTTP/1.1\r\nX-Auth-Token: \xff\xfe\r\n", 401},
		{"any method", "BREW /v1/containers HTTP/1.1\r\nX-Auth-Token: user\r\n", 405},
		{"HEAD", "HEAD /v1/containers/web HTTP/1.1\r\nX-Auth-Token: user\r\n", 200},
		{"body that ends early", "POST /v1/containers HTTP/1.1\r\nX-Auth-Token: user\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{\"image\":", 400},
		{"body of unknown length", "POST /v1/containers HTTP/1.1\r\nX-Auth-Token: user\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n11\r\n{\"image\":\"nginx\"}\r\n0\r\n", 202},
	} {
		status, body := send(t, server.Listener.Addr().String(), test.request)
		if status != test.status {
			t.Errorf("%s: %d %s, want %d", test.name, status, body, test.status)
		}
	}
}

// send writes a request, closes its sending half and reads the answer.
func send(t *testing.T, address, request string) (int, string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	request = strings.Replace(request, "\r\n", "\r\nHost: zun:9517\r\n", 1)
	if _, err := fmt.Fprint(conn, request+"\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
