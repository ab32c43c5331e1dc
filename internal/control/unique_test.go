package control

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gozun/gozun/zun"
)

// named orders a container of a name in a project.
func (w *world) named(projectID, name string) (zun.ContainerDetail, error) {
	return w.CreateContainer(w.Context(), w.grant(projectID, "container:create"), zun.ContainerRequest{Image: "nginx", Name: name})
}

// Names are as unique as the operator says, whatever their case, in every way to get one.
func TestUniqueNames(t *testing.T) {
	for scope, taken := range map[NameScope]struct{ here, elsewhere bool }{
		"": {}, NamesInProject: {here: true}, NamesEverywhere: {here: true, elsewhere: true},
	} {
		t.Run("scope "+string(scope), func(t *testing.T) {
			w := newWorld(t, func(c *Config) { c.UniqueNames = scope })
			w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
			w.cloud.addNetwork(other, "theirs", "10.3.0.0/24")
			web, err := w.named(project, "web")
			w.must(err)
			db, err := w.named(project, "db")
			w.must(err)
			theirs, err := w.named(other, "theirs")
			w.must(err)
			w.settled(web.ID)
			w.settled(db.ID)
			w.settled(theirs.ID)
			refused := func(what string, should bool, err error) {
				t.Helper()
				want := zun.Code("")
				if should {
					want = zun.CodeContainerExists
				}
				if err == nil && should || err != nil && zun.CodeOf(err) != want {
					t.Errorf("%s: %v", what, err)
				}
			}
			own, others := w.grant(project, "container:update"), w.grant(other, "container:update")
			_, err = w.UpdateContainer(t.Context(), own, db.ID, zun.Change{Name: ptr("db"), MemoryMiB: ptr(int64(64))})
			refused("its own name, by PATCH", false, err)
			_, err = w.UpdateContainer(t.Context(), own, db.ID, zun.Change{Name: ptr("DB")})
			refused("its own name in capitals", false, err)
			_, err = w.UpdateContainer(t.Context(), own, db.ID, zun.Change{Name: ptr("Web"), MemoryMiB: ptr(int64(128))})
			refused("by PATCH", taken.here, err)
			if got, err := w.records.Container(t.Context(), db.ID); taken.here && (err != nil || got.MemoryMiB != 64) {
				t.Errorf("a PATCH that is refused left %d MiB, %v", got.MemoryMiB, err)
			}
			_, err = w.RenameContainer(t.Context(), w.grant(project, "container:rename"), db.ID, "web")
			refused("by rename", taken.here, err)
			_, err = w.ResizeContainer(t.Context(), w.grant(project, "container:resize_container"), db.ID, zun.Change{Name: ptr("WEB")})
			refused("by resize_container", taken.here, err)
			w.settled(db.ID)
			_, err = w.UpdateContainer(t.Context(), others, theirs.ID, zun.Change{Name: ptr("db")})
			refused("by PATCH in another project", taken.elsewhere, err)
			_, err = w.named(other, "WEB")
			refused("in another project", taken.elsewhere, err)
			_, err = w.named(project, "Web")
			refused("in the project", taken.here, err)
			_, err = w.named(project, "")
			refused("without a name", false, err)
		})
	}
}

// However many ask for a name at once, one gets it.
func TestUniqueNamesAtOnce(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.UniqueNames = NamesInProject })
	w.cloud.addNetwork(project, "testnet", "10.2.0.0/24")
	var got atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := w.named(project, "web"); err == nil {
				got.Add(1)
			} else if zun.CodeOf(err) != zun.CodeContainerExists {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got.Load() != 1 {
		t.Errorf("%d containers have the name", got.Load())
	}
}

// A name that is drawn is drawn again when it is taken.
func TestADrawnNameIsFree(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.UniqueNames = NamesInProject })
	ids := []string{"01010001-0000-4000-8000-000000000000", "02020002-0000-4000-8000-000000000000"}
	w.must(w.records.AddContainer(t.Context(), zun.Container{ID: w.NewID(), Name: makeName(ids[0]), ProjectID: project, Status: zun.StatusError}))
	config, drawn := w.config, 0
	config.NewID = func() string { drawn++; return ids[drawn-1] }
	c, err := New(config).named(t.Context(), zun.Container{ProjectID: project}) // one that does not run draws nothing else
	w.must(err)
	if want := makeName(ids[1]); c.Name != want {
		t.Errorf("it is named %s, want %s", c.Name, want)
	}
}
