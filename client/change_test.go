package client_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// What each call sends, as the service sees it.
func TestWhatChangesSend(t *testing.T) {
	var got string
	c := service(t, "1.41", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %s %s", r.Method, r.URL.RequestURI(), body, strings.TrimPrefix(r.Header.Get("OpenStack-API-Version"), "container "))
		w.Header().Set("X-Openstack-Request-Id", "req-1")
		io.WriteString(w, "null")
	})
	ctx := t.Context()
	name, memory, heal := "new", "200", false
	ordered := func(id string, err error) error {
		if err == nil && id != "req-1" {
			t.Errorf("request id %q", id)
		}
		return err
	}
	for want, call := range map[string]func() error{
		"POST /v1/containers/web/pause  1.41":   func() error { return ordered(c.PauseContainer(ctx, "web")) },
		"POST /v1/containers/web/unpause  1.41": func() error { return ordered(c.UnpauseContainer(ctx, "web")) },
		"POST /v1/containers/web/rebuild  1.41": func() error { return ordered(c.RebuildContainer(ctx, "web", client.Rebuild{})) },
		"POST /v1/containers/web/rebuild?image=a%3A1&image_driver=docker  1.41": func() error {
			return ordered(c.RebuildContainer(ctx, "web", client.Rebuild{Image: "a:1", ImageDriver: "docker"}))
		},
		`PATCH /v1/containers/web {"name":"new","memory":"200","auto_heal":false} 1.41`: func() error {
			_, err := c.UpdateContainer(ctx, "web", client.ContainerChange{Name: &name, Memory: &memory, AutoHeal: &heal})
			return err
		},
		`POST /v1/containers/web/resize_container {"memory":"200"} 1.41`: func() error {
			_, id, err := c.ResizeContainer(ctx, "web", client.ContainerChange{Memory: &memory})
			return ordered(id, err)
		},
		"POST /v1/containers/web/add_security_group?name=g  1.14":           func() error { return ordered(c.AddSecurityGroup(ctx, "web", "g")) },
		"POST /v1/containers/web/remove_security_group?name=g  1.14":        func() error { return ordered(c.RemoveSecurityGroup(ctx, "web", "g")) },
		"GET /v1/containers/web/top  1.41":                                  func() error { _, err := c.Top(ctx, "web", ""); return err },
		"GET /v1/containers/web/top?ps_args=-o+pid  1.41":                   func() error { _, err := c.Top(ctx, "web", "-o pid"); return err },
		"GET /v1/containers/web/get_archive?path=%2Fetc  1.41":              func() error { _, err := c.GetArchive(ctx, "web", "/etc"); return err },
		`POST /v1/containers/web/put_archive?path=%2F {"data":"AQI="} 1.41`: func() error { return c.PutArchive(ctx, "web", "/", []byte{1, 2}) },
		"POST /v1/containers/web/commit?repository=r&tag=t  1.41":           func() error { _, err := c.CommitContainer(ctx, "web", "r", "t"); return err },
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", want, err)
		}
		if got != want {
			t.Errorf("sent %s\nwant %s", got, want)
		}
	}
}

func TestWhatInsightsReturn(t *testing.T) {
	answers := map[string]string{
		"top":         `{"Titles":["PID"],"Processes":[["1"]]}`,
		"stats":       `{"CONTAINER":"web","CPU %":12.5,"MEM USAGE(MiB)":1.5,"MEM LIMIT(MiB)":3,"MEM %":50,"BLOCK I/O(B)":"1/2","NET I/O(B)":"3/4"}`,
		"get_archive": `{"data":"` + base64.StdEncoding.EncodeToString([]byte("tar\xff")) + `","stat":{"name":"a","size":3,"mode":420,"mtime":"2026-11-23T12:00:00.5Z","linkTarget":""}}`,
	}
	c := service(t, "1.41", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, answers[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]])
	})
	processes, err := c.Top(t.Context(), "web", "")
	if diff := cmp.Diff(client.Processes{Titles: []string{"PID"}, Processes: [][]string{{"1"}}}, processes); err != nil || diff != "" {
		t.Error(err, diff)
	}
	stats, err := c.Stats(t.Context(), "web")
	want := client.Stats{Container: "web", CPUPercent: 12.5, MemoryUsage: 1.5, MemoryLimit: 3, MemoryPercent: 50, BlockIO: "1/2", NetIO: "3/4"}
	if diff := cmp.Diff(want, stats); err != nil || diff != "" {
		t.Error(err, diff)
	}
	archive, err := c.GetArchive(t.Context(), "web", "/a")
	if err != nil || string(archive.Data) != "tar\xff" || archive.Stat.Name != "a" || archive.Stat.Mode != 0o644 || archive.Stat.ModTime.IsZero() {
		t.Errorf("%+v %v", archive, err)
	}
}

func TestWhatOldServicesHaveNot(t *testing.T) {
	c := service(t, "1.18", func(http.ResponseWriter, *http.Request) { t.Error("the service was asked") })
	_, get := c.GetArchive(t.Context(), "web", "/")
	_, _, resize := c.ResizeContainer(t.Context(), "web", client.ContainerChange{})
	for _, err := range []error{get, resize, c.PutArchive(t.Context(), "web", "/", nil)} {
		if zun.CodeOf(err) != zun.CodeNotAcceptable || !strings.Contains(err.Error(), "container web") {
			t.Errorf("%v", err)
		}
	}
	large := c.PutArchive(t.Context(), "web", "/", make([]byte, client.MaxPut+1))
	if zun.CodeOf(large) != zun.CodeTooLarge {
		t.Errorf("%v", large)
	}
}
