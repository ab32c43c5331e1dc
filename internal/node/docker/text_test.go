package docker

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestReadable(t *testing.T) {
	for text, want := range map[string]string{
		`Error response from daemon: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "foo": executable file not found in $PATH: unknown`: `exec: "foo": executable file not found in $PATH`,
		"OCI runtime exec failed: exec failed: unable to start container process: exec: \"foo\": executable file not found in $PATH: unknown\r\n":                                                            `exec: "foo": executable file not found in $PATH`,
		`failed to create endpoint zun-sandbox-1 on network 2: NetworkDriver.CreateEndpoint: port 3 belongs to another host`:                                                                                 `failed to create endpoint zun-sandbox-1 on network 2: port 3 belongs to another host`,
		`error mounting "/state/files/c/f" to rootfs at "/bin": mount /state/files/c/f:/bin (via /proc/self/fd/6), flags: 0x5000: not a directory: unknown`:                                                  "there is no place for a file at /bin: the image has a directory there, or a file where a directory is to be",
		`rootfs_linux.go:76: mounting "/state/files/c/f" to rootfs at "/a" caused: permission denied`:                                                                                                        "no file can be put at /a",
		`Error response from daemon: No command specified`: `No command specified`,
		``: ``,
	} {
		if got := readable(text); got != want {
			t.Errorf("%s:\ngot  %q\nwant %q", text, got, want)
		}
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOldEnginesGetTheFieldsThatTheClientDropped(t *testing.T) {
	for path, want := range map[string]map[string]any{
		"/v1.41/containers/create": {"Image": "x", "MacAddress": "fa:16:3e:00:00:01"},
		"/v1.44/containers/create": {"Image": "x"},
		"/v1.41/networks/create":   {"Image": "x", "CheckDuplicate": true},
		"/v1.44/networks/create":   {"Image": "x"},
		"/v1.41/containers/1/exec": {"Image": "x"},
		"/containers/create":       {"Image": "x"},
	} {
		var got map[string]any
		legacy := legacyTransport{transport(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil || r.ContentLength != int64(len(body)) {
				t.Errorf("%s: %d bytes of %d, %v", path, len(body), r.ContentLength, err)
			}
			return &http.Response{Body: http.NoBody}, json.Unmarshal(body, &got)
		})}
		request, err := http.NewRequestWithContext(withMAC(t.Context(), "fa:16:3e:00:00:01"), http.MethodPost, "http://docker"+path, strings.NewReader(`{"Image":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		response, err := legacy.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", path, diff)
		}
	}
}

// TestStreamsAreBounded: whatever is written in whatever pieces, the tail keeps whole lines
// of the end, the head keeps the beginning, and both say when something is missing.
func TestStreamsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 64
		pieces := rapid.SliceOf(rapid.SliceOfN(rapid.SampledFrom([]byte("ab\n")), 0, 50)).Draw(t, "pieces")
		end, begin := &tail{limit: limit}, &head{limit: limit}
		var all []byte
		for _, piece := range pieces {
			all = append(all, piece...)
			for _, w := range []io.Writer{end, begin} {
				if n, err := w.Write(piece); n != len(piece) || err != nil {
					t.Fatalf("wrote %d of %d, %v", n, len(piece), err)
				}
			}
		}
		gotEnd, gotBegin := end.text(), begin.text()
		if len(all) <= limit {
			if !bytes.Equal(gotEnd, all) || !bytes.Equal(gotBegin, all) {
				t.Fatalf("got %q and %q, want all: %q", gotEnd, gotBegin, all)
			}
			return
		}
		note, rest, _ := bytes.Cut(gotEnd, []byte("\n"))
		if !bytes.HasPrefix(note, []byte("[earlier output left out")) || !bytes.HasSuffix(all, rest) || len(rest) > limit {
			t.Fatalf("tail: got %q of %q", gotEnd, all)
		}
		if !bytes.HasPrefix(gotBegin, all[:limit]) || !bytes.HasSuffix(gotBegin, []byte("MiB]\n")) {
			t.Fatalf("head: got %q of %q", gotBegin, all)
		}
	})
}

func TestAddressesOfDockerAreChecked(t *testing.T) {
	for address, fine := range map[string]bool{
		"": true, "unix:///run/docker.sock": true, "tcp://10.0.0.1:2375": true, "nonsense": false, "ssh://host": false, "npipe:////./pipe/x": false,
	} {
		if _, err := New(Config{Address: address}); (err == nil) != fine {
			t.Errorf("%q: got %v", address, err)
		}
	}
}
