package store

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/gozun/gozun/zun"
)

func aRegistry(name, project string) zun.Registry {
	return zun.Registry{
		ID: uuid.NewString(), Name: name, ProjectID: project, UserID: "u1", Domain: "r.example:5000", Username: "it's \"me\"",
		SealedPassword: "v1:abc:def", CreatedAt: at(1), UpdatedAt: at(2),
	}
}

func TestRegistriesComeBackAsTheyWere(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	r := aRegistry("one", "p1")
	must(t, s.AddRegistry(ctx, r))
	wantCode(t, s.AddRegistry(ctx, r), zun.CodeConflict)
	r.Username, r.SealedPassword, r.UpdatedAt = "", "", at(9)
	must(t, s.SaveRegistry(ctx, r))
	got, err := s.Registry(ctx, r.ID)
	must(t, err)
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
	wantCode(t, s.SaveRegistry(ctx, aRegistry("two", "p1")), zun.CodeRegistryNotFound)
	_, err = s.Registry(ctx, uuid.NewString())
	wantCode(t, err, zun.CodeRegistryNotFound)
	must(t, s.DeleteRegistry(ctx, r.ID))
	must(t, s.DeleteRegistry(ctx, r.ID))
}

func TestARegistryOfContainersStays(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	r, c := aRegistry("one", "p1"), aContainer("c")
	c.RegistryID = uuid.NewString()
	if err := s.AddContainer(ctx, c); err == nil {
		t.Error("a container of a registry that is not there")
	}
	c.RegistryID = r.ID
	must(t, s.AddRegistry(ctx, r))
	must(t, s.AddContainer(ctx, c))
	got, err := s.Container(ctx, c.ID)
	must(t, err)
	if diff := cmp.Diff(c, got, sameAddrs); diff != "" {
		t.Error(diff)
	}
	wantCode(t, s.DeleteRegistry(ctx, r.ID), zun.CodeConflict)
	must(t, s.DeleteContainer(ctx, c.ID))
	must(t, s.DeleteRegistry(ctx, r.ID))
}

func TestRegistriesAreFoundAndListed(t *testing.T) {
	s, ctx := mustOpen(t), t.Context()
	var all []zun.Registry
	for i, project := range []string{"p1", "p1", "p2", "p1"} {
		r := aRegistry(fmt.Sprint("same", i/2), project)
		r.Domain = fmt.Sprintf("r%d.example", 9-i)
		must(t, s.AddRegistry(ctx, r))
		all = append(all, r)
	}
	for name, c := range map[string]struct {
		project string
		filter  zun.RegistryFilter
		want    []int
	}{
		"of a project":  {"p1", zun.RegistryFilter{}, []int{0, 1, 3}},
		"of all":        {"", zun.RegistryFilter{}, []int{0, 1, 2, 3}},
		"by name":       {"", zun.RegistryFilter{Name: "same1"}, []int{2, 3}},
		"by domain":     {"p1", zun.RegistryFilter{Domain: "r8.example"}, []int{1}},
		"by username":   {"p1", zun.RegistryFilter{Username: "nobody"}, nil},
		"by owner":      {"", zun.RegistryFilter{ProjectID: "p2", UserID: "u1"}, []int{2}},
		"sorted":        {"", zun.RegistryFilter{Page: zun.Page{SortKey: "domain"}}, []int{3, 2, 1, 0}},
		"second page":   {"p1", zun.RegistryFilter{Page: zun.Page{Limit: 1, Marker: all[0].ID}}, []int{1}},
		"backwards":     {"p1", zun.RegistryFilter{Page: zun.Page{Desc: true, Limit: 2}}, []int{3, 1}},
		"foreign user":  {"", zun.RegistryFilter{UserID: "u2"}, nil},
		"other project": {"p3", zun.RegistryFilter{}, nil},
	} {
		got, err := s.ListRegistries(ctx, c.project, c.filter)
		must(t, err)
		var want []zun.Registry
		for _, i := range c.want {
			want = append(want, all[i])
		}
		if diff := cmp.Diff(want, got, sameAddrs); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	_, err := s.ListRegistries(ctx, "", zun.RegistryFilter{Page: zun.Page{SortKey: "password"}})
	wantCode(t, err, zun.CodeInvalid)
	_, err = s.ListRegistries(ctx, "", zun.RegistryFilter{Page: zun.Page{Marker: "x"}})
	wantCode(t, err, zun.CodeRegistryNotFound)
	for ref, n := range map[string]int{"same0": 2, all[2].ID: 1, "none": 0} {
		if got, err := s.FindRegistries(ctx, "", ref); err != nil || len(got) != n {
			t.Errorf("%s: %v %v", ref, got, err)
		}
	}
}
