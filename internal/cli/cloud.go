package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"golang.org/x/term"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/internal/keystone"
)

// cloud is who we are, and where.
type cloud struct {
	session *keystone.Session
	as      string // "user demo of project demo at http://…", for messages
	http    *http.Client
}

// cloud reads the credentials once; it makes no request.
func (s *session) cloud() (*cloud, error) {
	if s.opened != nil {
		return s.opened, nil
	}
	credentials, err := keystone.FromEnvironment(s.askingGetenv())
	if err != nil {
		return nil, loginError{err}
	}
	credentials.Insecure = credentials.Insecure || s.insecure
	if path := *s.flags["os-cacert"]; path != "" {
		credentials.CACert = path
	}
	if url := s.getenv("OS_CONTAINER_ENDPOINT_OVERRIDE"); url != "" {
		if credentials.Endpoints == nil {
			credentials.Endpoints = map[string]string{}
		}
		credentials.Endpoints["container"] = url
	}
	opened := keystone.Open(credentials, s.log())
	s.opened = &cloud{session: opened, as: describe(credentials), http: s.traced(opened.HTTP())}
	return s.opened, nil
}

// log is for the adapters, which log what no user should have to read.
func (s *session) log() *slog.Logger {
	if !s.debug {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(s.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func describe(c keystone.Credentials) string {
	who := "the token given"
	switch {
	case c.ApplicationCredentialID != "" || c.ApplicationCredentialName != "":
		who = "application credential " + c.ApplicationCredentialName + c.ApplicationCredentialID
	case c.Username != "" || c.UserID != "":
		who = "user " + either(c.Username, c.UserID)
	}
	if project := either(c.ProjectName, c.ProjectID); project != "" {
		who += " of project " + project
	}
	return who + " at " + c.AuthURL
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// askingGetenv asks for the password on a terminal when it is all that is missing.
func (s *session) askingGetenv() func(string) string {
	asked := ""
	return func(name string) string {
		value := s.getenv(name)
		if name != "OS_PASSWORD" || value != "" || s.getenv("OS_AUTH_URL") == "" || s.getenv("OS_USERNAME") == "" || s.getenv("OS_TOKEN") != "" {
			return value
		}
		if asked == "" {
			asked = s.askPassword()
		}
		return asked
	}
}

func (s *session) askPassword() string {
	return s.askSecret("Password of " + s.getenv("OS_USERNAME") + ": ")
}

// askSecret asks for something on the terminal without showing it; "" where there is no
// terminal, and when the user gives up.
func (s *session) askSecret(prompt string) string {
	file, ok := s.Stdin.(interface{ Fd() uintptr })
	if !ok || !term.IsTerminal(int(file.Fd())) || s.completing() {
		return ""
	}
	before, err := term.MakeRaw(int(file.Fd())) // before the prompt, so that nothing typed early is shown
	if err != nil {
		return ""
	}
	defer func() { _ = term.Restore(int(file.Fd()), before) }()
	typed := make(chan string, 1)
	go func() {
		terminal := term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{s.Stdin, s.Stderr}, "")
		password, _ := terminal.ReadPassword(printable(prompt)) // Ctrl-C gives none
		typed <- password
	}()
	select {
	case password := <-typed:
		return password
	case <-s.interrupted: // by a signal; the reader is left behind
		return ""
	}
}

// zun returns the client of the container service.
func (s *session) zun() (*client.Client, error) {
	if s.client != nil {
		return s.client, nil
	}
	version, err := pinned(s.getenv("ZUN_API_VERSION"))
	if err != nil {
		return nil, err
	}
	opened, err := s.cloud()
	if err != nil {
		return nil, err
	}
	s.client = client.New(client.Config{
		Endpoint: func(ctx context.Context) (string, error) {
			endpoint, err := opened.session.Endpoint(ctx, "container")
			return endpoint, loginFailed(err)
		},
		Token: func(ctx context.Context) (string, error) {
			token, err := opened.session.Token(ctx)
			return token, loginFailed(err)
		},
		Renew: opened.session.Invalidate, HTTP: opened.http, Microversion: version,
	})
	return s.client, nil
}

// pinned reads --zun-api-version as python-zunclient does: "1" and "1.latest" negotiate.
func pinned(version string) (string, error) {
	switch version {
	case "", "1", "latest", "1.latest":
		return "", nil
	}
	v, err := client.ParseVersion(version)
	if err != nil {
		return "", usageError{err}
	}
	if !client.Newest.AtLeast(v) {
		return "", usageErrorf("API version %s is newer than this client, which speaks up to %s", v, client.Newest)
	}
	return version, nil
}

func loginFailed(err error) error {
	if err == nil {
		return nil
	}
	return loginError{err}
}

// traced shows requests and answers when --debug asks for it.
func (s *session) traced(plain *http.Client) *http.Client {
	if !s.debug {
		return plain
	}
	traced := *plain
	traced.Transport = tracer{next: plain.Transport, out: s.Stderr}
	return &traced
}

type tracer struct {
	next http.RoundTripper
	out  io.Writer
}

// fileContent is what a file that is put into a container holds, in a request.
var fileContent = regexp.MustCompile(`"source":"[A-Za-z0-9+/=]*"`)

// RoundTrip sends the request, and writes it and the answer's head and body.
func (t tracer) RoundTrip(r *http.Request) (*http.Response, error) {
	fmt.Fprintf(t.out, "> %s %s\n", r.Method, withoutTokens(r.URL.String()))
	for name, values := range r.Header {
		fmt.Fprintf(t.out, "> %s: %s\n", name, masked(name, strings.Join(values, ", ")))
	}
	if r.GetBody != nil {
		if body, err := r.GetBody(); err == nil {
			text, _ := io.ReadAll(body)
			fmt.Fprintf(t.out, "> %s\n", maskedBody(text))
		}
	}
	response, err := t.next.RoundTrip(r)
	if err != nil {
		fmt.Fprintf(t.out, "< %v\n", err)
		return nil, err
	}
	return t.answer(response)
}

func (t tracer) answer(response *http.Response) (*http.Response, error) {
	fmt.Fprintf(t.out, "< %s\n", response.Status)
	for name, values := range response.Header {
		fmt.Fprintf(t.out, "< %s: %s\n", name, masked(name, strings.Join(values, ", ")))
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return response, nil // what follows is a console
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(t.out, "< %s\n", withoutTokens(string(body)))
	response.Body = io.NopCloser(strings.NewReader(string(body)))
	return response, nil
}

// maskedBody hides passwords, and the content of files, in a body that is JSON.
func maskedBody(text []byte) []byte {
	text = fileContent.ReplaceAll(text, []byte(`"source":"***"`))
	return passwordInJSON.ReplaceAll(text, []byte(`$1"***"`))
}

// passwordInJSON finds the string that a key called password holds.
var passwordInJSON = regexp.MustCompile(`("password"\s*:\s*)"(?:[^"\\]|\\.)*"`)

// withoutTokens hides the tokens of consoles, which are in their URLs.
func withoutTokens(text string) string {
	return regexp.MustCompile(`([?&]token=)[^&"\s]+`).ReplaceAllString(text, "${1}***")
}

// masked hides what would let a reader of the output act as the user.
func masked(header, value string) string {
	switch http.CanonicalHeaderKey(header) {
	case "X-Auth-Token", "X-Subject-Token", "X-Service-Token", "Authorization":
		return "***"
	}
	return value
}
