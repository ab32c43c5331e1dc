package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser is a headless Chromium, told by WebDriver (https://www.w3.org/TR/webdriver2/) what
// a person would do. Elements are named by XPath.
type browser struct {
	tb      *testing.T
	session string // its URL at the driver
}

// elementKey is the name under which WebDriver gives an element's id.
const elementKey = "element-6066-11e4-a52e-4f735466cecf"

// newBrowser starts a driver and its browser, which end with the test.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	address, home := freeAddress(t), t.TempDir()
	_, port, _ := strings.Cut(address, ":")
	driver := exec.Command("chromedriver", "--port="+port)
	driver.Env, driver.Stderr = append(os.Environ(), "HOME="+home), os.Stderr
	if err := driver.Start(); err != nil {
		t.Fatalf("no browser (apt-get install chromium chromium-driver): %v", err)
	}
	t.Cleanup(func() { driver.Process.Kill(); driver.Wait() })
	answers(t, "http://"+address+"/status")
	b := &browser{tb: t, session: "http://" + address + "/session"}
	var made struct{ SessionID string }
	b.must("POST", "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{"args": []string{
			"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1600",
			"--user-data-dir=" + home,
		}},
		"goog:loggingPrefs": map[string]string{"browser": "ALL"},
	}}}, &made)
	b.session += "/" + made.SessionID
	t.Cleanup(func() {
		if t.Failed() {
			b.tells()
		}
		b.must("DELETE", "", nil, nil)
	})
	return b
}

// answers waits until a server has a page.
func answers(tb testing.TB, url string) {
	tb.Helper()
	until(tb, url+" answers", func() bool {
		response, err := http.Get(url)
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// asks makes one WebDriver request and returns what went wrong with it, "" if nothing did.
func (b *browser) asks(method, path string, body, value any) (wrong string) {
	b.tb.Helper()
	var text []byte
	if method == http.MethodPost {
		text, _ = json.Marshal(body)
	}
	request, err := http.NewRequest(method, b.session+path, bytes.NewReader(text))
	if err != nil {
		b.tb.Fatal(err)
	}
	driver := http.Client{Timeout: 2 * time.Minute}
	response, err := driver.Do(request)
	if err != nil {
		b.tb.Fatalf("the browser: %v", err)
	}
	defer response.Body.Close()
	var answer struct{ Value json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		b.tb.Fatalf("the browser: %s %s: %v", method, path, err)
	}
	if response.StatusCode != http.StatusOK {
		return string(answer.Value)
	}
	if value != nil {
		if err := json.Unmarshal(answer.Value, value); err != nil {
			b.tb.Fatalf("the browser: %s %s: %v in %s", method, path, err, answer.Value)
		}
	}
	return ""
}

func (b *browser) must(method, path string, body, value any) {
	b.tb.Helper()
	if wrong := b.asks(method, path, body, value); wrong != "" {
		b.tb.Fatalf("the browser: %s %s: %s", method, path, wrong)
	}
}

// opens goes to a page and waits until it is loaded.
func (b *browser) opens(url string) {
	b.tb.Helper()
	b.must("POST", "/url", map[string]any{"url": url}, nil)
}

// element returns the path of the first element that can be seen, "" if there is none.
func (b *browser) element(xpath string) string {
	b.tb.Helper()
	var found []map[string]string
	b.must("POST", "/elements", map[string]any{"using": "xpath", "value": xpath}, &found)
	for _, element := range found {
		path, seen := "/element/"+element[elementKey], false
		if b.asks("GET", path+"/displayed", nil, &seen) == "" && seen {
			return path
		}
	}
	return ""
}

// shows waits for an element and returns its path.
func (b *browser) shows(xpath string) (path string) {
	b.tb.Helper()
	until(b.tb, "the page shows "+xpath, func() bool {
		path = b.element(xpath)
		return path != ""
	})
	return path
}

// click clicks an element, if it is there and nothing is before it, as an animation may be.
func (b *browser) click(xpath string) bool {
	b.tb.Helper()
	path := b.element(xpath)
	return path != "" && b.asks("POST", path+"/click", map[string]any{}, nil) == ""
}

// clicks waits until an element can be clicked, and clicks it.
func (b *browser) clicks(xpath string) {
	b.tb.Helper()
	until(b.tb, "a click on "+xpath, func() bool { return b.click(xpath) })
}

// types puts text into a field.
func (b *browser) types(xpath, text string) {
	b.tb.Helper()
	b.must("POST", b.shows(xpath)+"/value", map[string]any{"text": text}, nil)
}

// strikes types at the keyboard, to whatever has the focus.
func (b *browser) strikes(text string) {
	b.tb.Helper()
	var strokes []map[string]string
	for _, key := range strings.Split(strings.ReplaceAll(text, "\n", "\uE007"), "") { // Enter
		strokes = append(strokes, map[string]string{"type": "keyDown", "value": key}, map[string]string{"type": "keyUp", "value": key})
	}
	keyboard := map[string]any{"type": "key", "id": "keyboard", "actions": strokes}
	b.must("POST", "/actions", map[string]any{"actions": []any{keyboard}}, nil)
}

// enters goes into the frame at an element; opening a page leaves it.
func (b *browser) enters(xpath string) {
	b.tb.Helper()
	id := strings.TrimPrefix(b.shows(xpath), "/element/")
	b.must("POST", "/frame", map[string]any{"id": map[string]string{elementKey: id}}, nil)
}

// tells says what the page's scripts complained of, and keeps a picture of what was seen.
func (b *browser) tells() {
	var complaints []struct{ Message string }
	b.asks("POST", "/se/log", map[string]any{"type": "browser"}, &complaints)
	for _, c := range complaints {
		b.tb.Logf("the page: %s", c.Message)
	}
	var text string
	b.asks("GET", "/screenshot", nil, &text)
	png, _ := base64.StdEncoding.DecodeString(text)
	name := filepath.Join(os.TempDir(), b.tb.Name()+".png")
	if err := os.WriteFile(name, png, 0o600); err == nil {
		b.tb.Logf("what the browser showed: %s", name)
	}
}
