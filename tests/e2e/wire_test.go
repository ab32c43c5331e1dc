package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// answer is what the container service said to one request.
type answer struct {
	tb      testing.TB
	request string // for messages
	status  int
	header  http.Header
	body    []byte
}

// on is the same cloud for a subtest.
func (c *cloud) on(tb testing.TB) *cloud {
	whole := *c
	whole.tb = tb
	return &whole
}

// on is the same user for a subtest.
func (u *user) on(tb testing.TB) *user {
	whole := *u
	whole.cloud = u.cloud.on(tb)
	return &whole
}

// ask sends the container service one request exactly as given: path is put behind the
// address of the catalog as it is, with its empty segments and its query; body is nil, text
// (sent as it is) or something that becomes JSON; version is a microversion, or "" for no
// header.
func (u *user) ask(version, method, path string, body any) answer {
	u.tb.Helper()
	request, err := http.NewRequest(method, strings.TrimSuffix(u.container, "/")+path, content(u.tb, body))
	if err != nil {
		u.tb.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("X-Auth-Token", u.token)
	if version != "" {
		request.Header.Set("OpenStack-API-Version", "container "+version)
	}
	noRedirects := http.Client{
		Timeout:       2 * time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := noRedirects.Do(request)
	if err != nil {
		u.tb.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		u.tb.Fatalf("%s %s: %v", method, path, err)
	}
	a := answer{tb: u.tb, request: method + " " + path, status: response.StatusCode, header: response.Header, body: got}
	// 406 is the router's word, and 401 comes before the microversion is looked at.
	versioned := version != "" && version != "latest" && a.status != http.StatusNotAcceptable && a.status != http.StatusUnauthorized
	if used := a.header.Get("OpenStack-API-Version"); versioned && used != "container "+version {
		u.tb.Errorf("%s at %s: the answer's microversion is %q", a.request, version, used)
	}
	if a.header.Get("X-OpenStack-Request-ID") == "" {
		u.tb.Errorf("%s: the answer has no request id", a.request)
	}
	return a
}

func content(tb testing.TB, body any) io.Reader {
	tb.Helper()
	switch body := body.(type) {
	case nil:
		return http.NoBody
	case string:
		return strings.NewReader(body)
	}
	text, err := json.Marshal(body)
	if err != nil {
		tb.Fatal(err)
	}
	return bytes.NewReader(text)
}

// is asserts the status.
func (a answer) is(status int) answer {
	a.tb.Helper()
	if a.status != status {
		a.tb.Fatalf("%s: %d instead of %d\n%s", a.request, a.status, status, a.body)
	}
	return a
}

// says asserts the whole body, as text.
func (a answer) says(body string) answer {
	a.tb.Helper()
	if got := strings.TrimSpace(string(a.body)); got != body {
		a.tb.Errorf("%s: %s instead of %s", a.request, got, body)
	}
	return a
}

// into reads the body's JSON.
func (a answer) into(v any) {
	a.tb.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		a.tb.Fatalf("%s: %v in %s", a.request, err, a.body)
	}
}

// text returns the body, which is a JSON string.
func (a answer) text() string {
	a.tb.Helper()
	var s string
	a.into(&s)
	return s
}

// record is a container as the API shows it.
type record struct {
	UUID           string            `json:"uuid"`
	Name           string            `json:"name"`
	Status         string            `json:"status"`
	Reason         string            `json:"status_reason"`
	TaskState      string            `json:"task_state"`
	Memory         string            `json:"memory"`
	CPU            float64           `json:"cpu"`
	Host           string            `json:"host"`
	Environment    map[string]string `json:"environment"`
	Labels         map[string]string `json:"labels"`
	Restart        map[string]string `json:"restart_policy"`
	Command        []string          `json:"command"`
	SecurityGroups []string          `json:"security_groups"`
	Interactive    bool              `json:"interactive"`
	TTY            bool              `json:"tty"`
	Addresses      map[string][]struct {
		Addr     string `json:"addr"`
		Version  int    `json:"version"`
		Port     string `json:"port"`
		Subnet   string `json:"subnet_id"`
		Preserve bool   `json:"preserve_on_delete"`
	} `json:"addresses"`
}

func (a answer) record() record {
	a.tb.Helper()
	var r record
	a.into(&r)
	return r
}

// becomes waits for a container to be in a state, as clients do, and returns it. Its end
// in Error, when that is not the wish, ends the test at once.
func (u *user) becomes(version, id, status string) record {
	u.tb.Helper()
	var r record
	until(u.tb, id+" is "+status, func() bool {
		r = u.ask(version, http.MethodGet, "/containers//"+id, nil).is(http.StatusOK).record()
		if r.Status == "Error" && status != "Error" {
			u.tb.Fatalf("container %s failed: %s", id, r.Reason)
		}
		return r.Status == status && r.TaskState == ""
	})
	return r
}

// nginx makes, under a name of this run's own, an image that by itself serves a page on
// port 80, as the image of that name does, and removes it when the test ends.
func (c *cloud) nginx() string {
	c.tb.Helper()
	name := "gozun-e2e-nginx:" + strings.TrimPrefix(image, "gozun-e2e:")
	template := c.docker("create", image)
	c.docker("commit", "--change", `CMD ["server"]`, "--change", "EXPOSE 80/tcp", template, name)
	c.docker("rm", template)
	c.tb.(*testing.T).Cleanup(func() { c.docker("image", "rm", "--force", name) })
	return name
}

// dockerAsItIs looks at what of ours is in Docker now, and returns what insists, at a test's
// end, that no container, sandbox or network has been added.
func (c *cloud) dockerAsItIs() (isAsBefore func()) {
	c.tb.Helper()
	look := func() map[string]bool {
		found := map[string]bool{}
		for _, name := range strings.Fields(c.docker("ps", "--all", "--filter", "label=org.gozun.container", "--format", "{{.Names}}") + "\n" +
			c.docker("network", "ls", "--filter", "driver=kuryr", "--format", "{{.Name}}")) {
			found[name] = true
		}
		return found
	}
	before := look()
	return func() {
		c.tb.Helper()
		var left []string
		defer func() {
			if len(left) > 0 {
				c.tb.Logf("what is left: %q", left)
			}
		}()
		until(c.tb, "nothing of ours is left in Docker", func() bool {
			left = nil
			for name := range look() {
				if !before[name] {
					left = append(left, name)
				}
			}
			return len(left) == 0
		})
	}
}
