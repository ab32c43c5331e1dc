package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The real zun-ui in a real Horizon, clicked in a real browser. It is no package of Debian's:
// GOZUN_ZUN_UI names a checkout, GOZUN_HORIZON Debian's openstack-dashboard, unpacked.
func TestZunUI(t *testing.T) {
	source, unpacked := os.Getenv("GOZUN_ZUN_UI"), os.Getenv("GOZUN_HORIZON")
	if source == "" || unpacked == "" {
		t.Skip("zun-ui is clicked by make test-zunui ZUN_UI=CHECKOUT")
	}
	c := anyCloud(t, "--console-origins", "localhost")
	isAsBefore := c.dockerAsItIs()
	u, admin := c.newProject("ui"), c.admin()
	u.makeNetwork("front", map[string]any{"cidr": "10.2.0.0/24"})
	b := zunUI{newBrowser(t), u.startHorizon(source, unpacked)}
	b.logsIn(u)

	b.oneLife("ui", "front")
	// Not the table: it is empty too while it looks anew.
	until(t, "the container is gone", func() bool {
		return strings.Contains(string(u.ask("1.40", "GET", "/containers", nil).is(http.StatusOK).body), `"containers":[]`)
	})
	b.table()
	b.shows(`//*[contains(text(),"No items to display")]`)
	isAsBefore()

	operator := zunUI{newBrowser(t), b.url}
	operator.logsIn(admin)
	operator.opens(b.url + "/admin/container/hosts")
	host, _ := os.Hostname()
	operator.shows(`//tr[.//a[normalize-space()="` + host + `"]]`)
}

// zunUI is Horizon with zun-ui as a browser shows it.
type zunUI struct {
	*browser
	url string
}

// oneLife has a container made, looked at from inside, stopped, started and deleted.
func (b zunUI) oneLife(name, network string) {
	b.tb.Helper()
	b.table()
	b.shows(`//*[contains(text(),"No items to display")]`)
	b.makes(name, image, network)
	// zun-ui's own script stumbles over the answer (it calls what AngularJS 1.8 has no more).
	b.table()
	b.becomes(name, "Running")
	b.typesAtConsole(name)
	b.table()
	b.page(name, "Logs")
	b.shows(`//pre[contains(text(),"42-said")]`)

	b.table()
	b.chooses(name, "Stop Container")
	b.types(dialogue+`//input[@name="timeout"]`, "1")
	b.submits("Stop")
	b.becomes(name, "Stopped")
	b.chooses(name, "Start Container")
	b.becomes(name, "Running")
	b.chooses(name, "Stop and Delete Container")
	b.submits("Delete Container After Stop")
}

// startHorizon starts a Horizon with zun-ui before the user's cloud, and returns its URL. It
// is another host than the console's proxy, which has to let its pages in.
func (u *user) startHorizon(source, unpacked string) string {
	u.tb.Helper()
	t := u.tb.(*testing.T)
	settings, err := filepath.Abs("testdata/horizon")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "horizon.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	_, port, _ := strings.Cut(freeAddress(t), ":")
	horizon := exec.Command("/usr/bin/python3", "-W", "ignore", "-m", "django", "runserver", "--noreload", port)
	horizon.Env = append(
		os.Environ(), "DJANGO_SETTINGS_MODULE=openstack_dashboard.settings", "PYTHONPATH="+settings+":"+source, "PYTHONDONTWRITEBYTECODE=1",
		"ZUN_UI="+source, "HORIZON_PACKAGE="+unpacked, "HORIZON_STATE="+t.TempDir(), "OS_AUTH_URL="+u.keystoneURL(""),
	)
	horizon.Stdout, horizon.Stderr = log, log
	if err := horizon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		horizon.Process.Kill()
		horizon.Wait()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("Horizon's log:\n%s", text)
		}
	})
	url := "http://localhost:" + port
	answers(t, url+"/auth/login/")
	return url
}

func (b zunUI) logsIn(u *user) {
	b.tb.Helper()
	b.opens(b.url + "/auth/login/")
	b.types(`//input[@id="id_username"]`, u.variable("OS_USERNAME"))
	b.types(`//input[@id="id_password"]`, u.variable("OS_PASSWORD"))
	b.clicks(`//button[@id="loginBtn"]`)
	b.shows(`//*[contains(@class,"user-name")]`)
}

// table opens the table of containers.
func (b zunUI) table() {
	b.tb.Helper()
	b.opens(b.url + "/project/container/containers")
}

// dialogue is where a question stands.
const dialogue = `//div[contains(@class,"modal-dialog")]`

// rowOf is a container's row in the table.
func rowOf(name string) string { return `//tr[.//a[normalize-space()="` + name + `"]]` }

// makes fills in the dialogue for a new container.
func (b zunUI) makes(name, image, network string) {
	b.tb.Helper()
	b.clicks(`//button[contains(.,"Create Container")]`)
	b.types(dialogue+`//input[@name="name"]`, name)
	b.types(dialogue+`//input[@name="image"]`, image)
	b.types(dialogue+`//input[@name="command"]`, "sh")
	b.clicks(dialogue + `//a[normalize-space()="Networks"]`)
	b.clicks(dialogue + `//available//tr[.//td[normalize-space()="` + network + `"]]//button[.//*[contains(@class,"fa-arrow-up")]]`)
	b.submits("Create")
}

// submits ends a dialogue.
func (b zunUI) submits(button string) {
	b.tb.Helper()
	b.clicks(dialogue + `//button[normalize-space()="` + button + `"]`)
}

// chooses takes an entry from the menu of a container's row.
func (b zunUI) chooses(name, entry string) {
	b.tb.Helper()
	b.clicks(rowOf(name) + `//button[contains(@class,"split-caret")]`)
	b.clicks(rowOf(name) + `//a[normalize-space()="` + entry + `"]`)
}

// becomes waits for a container's status in the table; the button of its row looks anew.
func (b zunUI) becomes(name, status string) {
	b.tb.Helper()
	b.shows(rowOf(name))
	until(b.tb, name+" becomes "+status, func() bool {
		if b.element(rowOf(name)+`//td[normalize-space()="`+status+`"]`) != "" {
			return true
		}
		b.click(rowOf(name) + `//button[normalize-space()="Refresh"]`)
		return false
	})
}

// page goes from the table to a part of a container's own page.
func (b zunUI) page(name, part string) {
	b.tb.Helper()
	b.clicks(rowOf(name) + `//a[normalize-space()="` + name + `"]`)
	b.clicks(`//a[normalize-space()="` + part + `"]`)
}

// typesAtConsole types a command to the shell in a container's console, which is a frame of
// its page, and waits for what it says.
func (b zunUI) typesAtConsole(name string) {
	b.tb.Helper()
	b.page(name, "Console")
	b.enters(`//iframe[@id="console_embed"]`)
	b.clicks(`//div[contains(@class,"terminal")]`)
	b.strikes("echo $((6*7))-said\n")
	b.shows(`//div[contains(@class,"terminal")]//*[contains(text(),"42-said")]`)
}
