package zun

import "testing"

func TestReferencesAreTakenApart(t *testing.T) {
	for name, want := range map[string][3]string{
		"nginx":                        {"nginx", "", "nginx:latest"},
		"nginx:1.27":                   {"nginx", "1.27", "nginx:1.27"},
		"team/app":                     {"team/app", "", "team/app:latest"},
		"r.example:5000/app":           {"r.example:5000/app", "", "r.example:5000/app:latest"},
		"r.example:5000/team/app:1":    {"r.example:5000/team/app", "1", "r.example:5000/team/app:1"},
		"nginx@sha256:00":              {"nginx", "sha256:00", "nginx@sha256:00"},
		"r.example:5000/app:1@sha256:": {"r.example:5000/app", "sha256:", "r.example:5000/app@sha256:"},
		"":                             {"", "", ":latest"},
	} {
		repo, tag := SplitReference(name)
		if repo != want[0] || tag != want[1] {
			t.Errorf("%q is %q and %q", name, repo, tag)
		}
		if tag == "" {
			tag = "latest"
		}
		if got := (Image{Repo: repo, Tag: tag}).Reference(); got != want[2] {
			t.Errorf("%q comes back as %q", name, got)
		}
	}
}
