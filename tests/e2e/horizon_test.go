package e2e

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What Horizon's zun-ui asks: it has a token and the address of the catalog, negotiates the
// highest version that python-zunclient knows, and opens a console from the browser.
func TestHorizon(t *testing.T) {
	c := anyCloud(t, "--console-origins", "horizon.example.org")
	isAsBefore := c.dockerAsItIs()
	u, admin := c.demo(), c.admin()
	network, _ := u.makeNetwork("front", map[string]any{"cidr": "10.2.0.0/24"})
	version := u.negotiated()
	if version != "1.41" {
		t.Errorf("the highest microversion is %s", version)
	}
	version = "1.40" // the client's own

	t.Run("tables", func(t *testing.T) {
		u, admin := u.on(t), admin.on(t)
		u.ask(version, "GET", "/containers", nil).is(http.StatusOK).says(`{"containers":[],"next":null}`)
		admin.ask(version, "GET", "/hosts/", nil).is(http.StatusOK)
		contains(t, "zones", string(u.ask(version, "GET", "/availability_zones", nil).is(http.StatusOK).body), `"availability_zone":"nova"`)
	})
	t.Run("images", func(t *testing.T) {
		admin.on(t).ask(version, "GET", "/images/", nil).is(http.StatusOK)
		u.on(t).ask(version, "GET", "/images/", nil).is(http.StatusForbidden)
	})
	t.Run("a container", func(t *testing.T) { u.on(t).horizonLife(version, network) })
	isAsBefore()
}

// negotiated asks for the versions as the client does: what is before the catalog's /v1.
func (u *user) negotiated() string {
	u.tb.Helper()
	root, _, _ := strings.Cut(u.container, "/v1")
	var answer struct {
		Versions []struct {
			Status string
			Max    string `json:"max_version"`
		}
	}
	u.request(http.MethodGet, root, "", nil, &answer)
	for _, v := range answer.Versions {
		if v.Status == "CURRENT" {
			return v.Max
		}
	}
	u.tb.Fatalf("no version is current: %+v", answer)
	return ""
}

// horizonWish is what the dialogue for a new container sends when little is filled in.
func horizonWish(name, network string) map[string]any {
	return map[string]any{
		"name": name, "image": image, "image_driver": "docker", "command": []string{"sh", "-c", "while true; do echo tick; sleep 1; done"},
		"cpu": 0.1, "memory": 64, "interactive": true, "tty": true, "auto_remove": false,
		"environment": map[string]any{"COLOUR": "green"}, "labels": map[string]any{"tier": "web"},
		"restart_policy": map[string]any{"Name": "on-failure", "MaximumRetryCount": "0"},
		"mounts":         []any{}, "security_groups": []any{}, "hints": map[string]any{}, "nets": []any{map[string]any{"network": network}},
	}
}

func (u *user) horizonLife(version, network string) {
	made := u.ask(version, "POST", "/containers?run=true", horizonWish("ui", network)).is(http.StatusAccepted).record()
	id, path := made.UUID, "/containers/"+made.UUID
	u.becomes(version, id, "Running")
	if runs := u.ask(version, "GET", path, nil).is(http.StatusOK).record(); runs.Name != "ui" || runs.Memory != "64" || !runs.TTY {
		u.tb.Errorf("it runs as %+v", runs)
	}
	// The update dialogue reads the memory as a number, and sends what was changed.
	changed := u.ask(version, "PATCH", path, map[string]any{"name": "ui2", "memory": 80, "cpu": 0.2}).is(http.StatusOK).record()
	if changed.Name != "ui2" || changed.Memory != "80" || changed.CPU != 0.2 {
		u.tb.Errorf("changed to %+v", changed)
	}
	until(u.tb, "the logs tick", func() bool {
		return strings.Contains(u.ask(version, "GET", path+"/logs?stdout=True&stderr=True", nil).is(http.StatusOK).text(), "tick")
	})
	u.horizonConsole(version, path)
	u.ask(version, "POST", path+"/resize?w=500&h=400", nil).is(http.StatusOK).says("null")
	contains(u.tb, "execute", string(u.ask(version, "POST", path+"/execute?command=echo+hello", nil).is(http.StatusOK).body), "hello", `"exit_code":0`)
	for _, step := range []struct{ action, leadsTo string }{
		{"pause", "Paused"},
		{"unpause", "Running"},
		{"reboot?timeout=1", "Running"},
		{"rebuild?image=" + url.QueryEscape(image) + "&image_driver=docker", "Running"},
		{"kill?signal=None", "Stopped"},
		{"start", "Running"},
		{"stop?timeout=1", "Stopped"},
	} {
		u.ask(version, "POST", path+"/"+step.action, nil).is(http.StatusAccepted)
		u.becomes(version, id, step.leadsTo)
	}
	u.ask(version, "DELETE", path+"?force=True", nil).is(http.StatusForbidden) // for administrators
	u.ask(version, "DELETE", path+"?stop=True", nil).is(http.StatusNoContent)
	until(u.tb, "the container is gone", func() bool { return u.ask(version, "GET", path, nil).status == http.StatusNotFound })
}

// horizonConsole opens the websocket that attach names as the browser does: a page of
// Horizon may, one of somebody else may not.
func (u *user) horizonConsole(version, path string) {
	u.tb.Helper()
	for origin, status := range map[string]int{
		"http://horizon.example.org": http.StatusSwitchingProtocols, "http://elsewhere.example.org": http.StatusForbidden,
	} {
		address := u.ask(version, "GET", path+"/attach", nil).is(http.StatusOK).text()
		page := u.opensSocket(address, origin, status)
		if status == http.StatusSwitchingProtocols {
			contains(u.tb, "the console", page, "tick")
		}
	}
}

// opensSocket makes a websocket's handshake and returns what comes up to the first line's end.
func (u *user) opensSocket(address, origin string, status int) string {
	u.tb.Helper()
	plain, isSocket := strings.CutPrefix(address, "ws://")
	if !isSocket {
		u.tb.Fatalf("%s is no address of a websocket", address)
	}
	request, err := http.NewRequest(http.MethodGet, "http://"+plain, http.NoBody)
	if err != nil {
		u.tb.Fatal(err)
	}
	key := make([]byte, 16)
	rand.Read(key)
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "binary, base64",
		"Sec-WebSocket-Key": base64.StdEncoding.EncodeToString(key), "Origin": origin,
	} {
		request.Header.Set(name, value)
	}
	browser := http.Client{Timeout: time.Minute}
	response, err := browser.Do(request)
	if err != nil {
		u.tb.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != status {
		u.tb.Fatalf("a page of %s: %s instead of %d", origin, response.Status, status)
	}
	if status != http.StatusSwitchingProtocols {
		return ""
	}
	if got := response.Header.Get("Sec-WebSocket-Protocol"); got != "binary" {
		u.tb.Errorf("the subprotocol is %q", got)
	}
	text, err := bufio.NewReader(response.Body).ReadString('\n')
	if err != nil {
		u.tb.Errorf("the console: %v", err)
	}
	return text
}
