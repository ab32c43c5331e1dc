package docker

import (
	"testing"

	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/jsonstream"

	"github.com/gozun/gozun/zun"
)

func TestLayersAddUp(t *testing.T) {
	const mib = 1 << 20
	l := layers{}
	say := func(id, status string, done, whole int64) {
		message := jsonstream.Message{ID: id, Status: status}
		if whole > 0 {
			message.Progress = &jsonstream.Progress{Current: done, Total: whole}
		}
		l.add(message)
	}
	for i, step := range []struct {
		id, status  string
		done, whole int64
		want        string
	}{
		{"latest", "Pulling from library/nginx", 0, 0, ""},
		{"a", "Pulling fs layer", 0, 0, ""},
		{"b", "Already exists", 0, 0, ": 1 of 2 layers"},
		{"c", "Waiting", 0, 0, ": 1 of 3 layers"},
		{"a", "Downloading", mib, 4 * mib, ": 1.0 of 4.0 MiB, 1 of 3 layers"},
		{"c", "Downloading", mib / 2, 2 * mib, ": 1.5 of 6.0 MiB, 1 of 3 layers"},
		{"a", "Download complete", 0, 0, ": 4.5 of 6.0 MiB, 1 of 3 layers"},
		{"a", "Extracting", 3 * mib, 4 * mib, ": 4.5 of 6.0 MiB, 1 of 3 layers"},
		{"a", "Pull complete", 0, 0, ": 4.5 of 6.0 MiB, 2 of 3 layers"},
		{"c", "Pull complete", 0, 0, ": 6.0 of 6.0 MiB, 3 of 3 layers"},
		{"", "Digest: sha256:00", 0, 0, ": 6.0 of 6.0 MiB, 3 of 3 layers"},
	} {
		say(step.id, step.status, step.done, step.whole)
		if got := l.String(); got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
}

func TestWhoPulls(t *testing.T) {
	for _, a := range []zun.RegistryAccess{{}, {Domain: "r.example", Password: zun.NewSecret("x")}} {
		if got, err := authOf(a); got != "" || err != nil {
			t.Errorf("%+v: %q %v", a, got, err)
		}
	}
	got, err := authOf(zun.RegistryAccess{Domain: "r.example:5000/team", Username: "me", Password: zun.NewSecret("p:/ü")})
	if err != nil {
		t.Fatal(err)
	}
	auth, err := authconfig.Decode(got)
	if err != nil || auth.Username != "me" || auth.Password != "p:/ü" || auth.ServerAddress != "r.example:5000" {
		t.Errorf("%+v %v", auth, err)
	}
}
