package api

import (
	"encoding/json"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPythonZunclient has the stock client drive the API, at a version of today, at
// Heat's, and with the endpoint in both forms that catalogs have.
func TestPythonZunclient(t *testing.T) {
	const python = "/usr/bin/python3"
	if out, err := exec.Command(python, "-c", "import zunclient").CombinedOutput(); err != nil {
		t.Skipf("python-zunclient is not installed (apt-get install python3-zunclient): %v %s", err, out)
	}
	for _, test := range []struct{ suffix, asked, used string }{
		{"/v1", "1.12", "1.12"}, {"", "1.40", "1.40"}, {"/v1", "1", ""},
	} {
		f := newFixture(t)
		server := httptest.NewServer(f.handler)
		out, err := exec.Command(python, "testdata/drive.py", server.URL+test.suffix, test.asked).CombinedOutput()
		server.Close()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		got := map[string][]any{}
		for line := range strings.Lines(string(out)) {
			var step []any
			if err := json.Unmarshal([]byte(line), &step); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			got[step[0].(string)] = step[1:]
		}
		if test.used == "" { // the highest that the client knows
			delete(got, "negotiated")
		}
		if diff := cmp.Diff(zunclientSteps(test.used), got); diff != "" {
			t.Errorf("%s at %q: %s\n%s", test.suffix, test.asked, diff, f.log)
		}
		command := []string{"sleep", "5 6"}
		if test.asked == "1.12" { // the client puts quotes around the whole, for Heat's sake
			command = []string{"sleep '5 6'"}
		}
		if diff := cmp.Diff(command, f.memory.request.Command); diff != "" {
			t.Error(diff)
		}
	}
}

// zunclientSteps is what the script is to print when a version was negotiated.
func zunclientSteps(version string) map[string][]any {
	steps := map[string][]any{
		"list": {[]any{"web", "db"}}, "list filtered": {[]any{"web"}}, "show": {true},
		"show unknown": {"NotFound", "Container none could not be found."}, "run": {"Creating"},
		"create badly": {"BadRequest", "Invalid input for field 'cpu'.Value: '99'. it must be a number of cores between 0.1 and 16"},
		"stop":         {202.0}, "restart": {202.0}, "kill": {nil}, "logs": {"hello\n�<b>"}, "exec": {3.0},
		"pause": {202.0}, "unpause": {"Conflict", "Cannot unpause container " + runningID + " in Running state"}, "rebuild": {202.0},
		"update": {"200"}, "rename": {"NotAcceptable", "Not Acceptable"}, "commit": {map[string]any{"uuid": neutronID}},
		"top":         {map[string]any{"Titles": []any{"PID", "CMD"}, "Processes": []any{[]any{"1", "sleep <1>"}}}},
		"stats":       {[]any{"BLOCK I/O(B)", "CONTAINER", "CPU %", "MEM %", "MEM LIMIT(MiB)", "MEM USAGE(MiB)", "NET I/O(B)"}},
		"get archive": {"b'tar of /etc/hosts'"}, "put archive": {200.0},
		"put badly": {"BadRequest", "cannot copy to container web: data is no tar archive: unexpected EOF"},
		"add group": {"NotAcceptable", "Not Acceptable"},
		"attach":    {200.0}, "detach": {202.0}, "action": {"Error"}, "delete": {nil},
		"services": {"Forbidden", "Policy doesn't allow zun-service:get_all to be performed."},
	}
	if version == "1.12" {
		steps["rename"], steps["add group"] = []any{"Conflict", "it is named db already"}, []any{202.0}
	}
	if version != "" {
		steps["negotiated"] = []any{version}
	}
	return steps
}
