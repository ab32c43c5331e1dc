package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// progressEvery is how often the sentence about a pull is renewed, if it has changed.
const progressEvery = 500 * time.Millisecond

// Image implements node.Images.
func (c *Client) Image(ctx context.Context, ref string) (node.Image, error) {
	result, err := c.engine.ImageInspect(ctx, ref)
	if codeOf(err) == zun.CodeNotFound {
		return node.Image{}, zun.Wrap(zun.CodeImageNotFound, err, "image %s is not on host %s", ref, c.host)
	}
	if err != nil {
		return node.Image{}, c.failure(err, "find image "+ref)
	}
	return imageOf(result), nil
}

// imageOf reads what an image would run.
func imageOf(result client.ImageInspectResult) node.Image {
	image := node.Image{ID: result.ID, Size: result.Size}
	if result.Config == nil {
		return image
	}
	image.Entrypoint, image.Command = result.Config.Entrypoint, result.Config.Cmd
	return image
}

// PullImage implements node.Images.
func (c *Client) PullImage(ctx context.Context, ref string, access zun.RegistryAccess, progress func(string)) error {
	auth, err := authOf(access)
	if err != nil {
		return err
	}
	response, err := c.engine.ImagePull(ctx, ref, client.ImagePullOptions{RegistryAuth: auth})
	if err != nil {
		return c.pullFailure(err, ref, access)
	}
	defer func() { _ = response.Close() }() // the error of the stream itself is returned below
	how := newHowFar("pulling "+ref, progress)
	defer how.stop()
	for message, err := range response.JSONMessages(ctx) {
		if err == nil && message.Error != nil {
			err = message.Error
		}
		if err != nil {
			return c.pullFailure(err, ref, access)
		}
		how.add(message)
	}
	return nil
}

// howFar tells how far a pull is: at once, and then at intervals while that changes. An
// engine says much while it downloads and nothing while it waits, so the telling keeps a
// time of its own.
type howFar struct {
	what     string
	progress func(string)

	mu     sync.Mutex
	layers layers

	ended   chan struct{}
	running sync.WaitGroup
}

// newHowFar begins to tell; stop must be called.
func newHowFar(what string, progress func(string)) *howFar {
	h := &howFar{what: what, progress: progress, layers: layers{}, ended: make(chan struct{})}
	h.running.Go(h.run)
	return h
}

func (h *howFar) run() {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for told := ""; ; {
		if now := h.String(); now != told {
			told = now
			h.progress(now)
		}
		select {
		case <-h.ended:
			return
		case <-ticker.C:
		}
	}
}

func (h *howFar) add(message jsonstream.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.layers.add(message)
}

// String is the sentence as it is now.
func (h *howFar) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.what + h.layers.String()
}

// stop returns when nothing is told any more.
func (h *howFar) stop() {
	close(h.ended)
	h.running.Wait()
}

// pullFailure says what a registry's words mean, which the engine passes on as they are.
func (c *Client) pullFailure(err error, ref string, access zun.RegistryAccess) error {
	told := c.failure(err, "pull image "+ref)
	if code := zun.CodeOf(told); code == zun.CodeUnavailable || errors.Is(err, context.Canceled) {
		return told
	}
	text := strings.ToLower(err.Error())
	var why string
	switch {
	case strings.Contains(text, "manifest unknown"), strings.Contains(text, "not found"), strings.Contains(text, "name unknown"):
		why = "the registry has no such image or tag"
	case !strings.Contains(text, "unauthorized") && !strings.Contains(text, "denied") && !strings.Contains(text, "no basic auth credentials"):
		return told
	case access.Username != "":
		why = "the registry does not take the credentials of user " + access.Username + "; correct them with zun registry-update"
	default:
		why = "the registry wants credentials; record them with zun registry-create, and name them with --registry"
	}
	return zun.Wrap(zun.CodeImageNotFound, err, "cannot pull image %s: %s (%s)", ref, why, readable(err.Error()))
}

// authOf is the header with which an engine is told who pulls; "" is nobody.
func authOf(access zun.RegistryAccess) (string, error) {
	if access.Username == "" {
		return "", nil
	}
	host, _, _ := strings.Cut(access.Domain, "/")
	return authconfig.Encode(registry.AuthConfig{
		Username: access.Username, Password: access.Password.Reveal(), ServerAddress: host,
	})
}

// layers adds up the layers of a pull.
type layers map[string]*layer

// layer is how far one is.
type layer struct {
	done, whole int64 // bytes downloaded, and to download; 0 while not known
	ready       bool  // unpacked, or was here before
}

// add takes in what the engine says of one layer. What it says of the image as a whole
// has the tag, or nothing, where layers have their id.
func (l layers) add(message jsonstream.Message) {
	switch message.Status {
	case "Pulling fs layer", "Waiting", "Downloading", "Verifying Checksum", "Download complete", "Extracting", "Pull complete", "Already exists":
	default:
		return
	}
	one := l[message.ID]
	if one == nil {
		one = &layer{}
		l[message.ID] = one
	}
	switch message.Status {
	case "Downloading":
		if message.Progress != nil && message.Progress.Total > 0 {
			one.done, one.whole = message.Progress.Current, message.Progress.Total
		}
	case "Pull complete", "Already exists":
		one.done, one.ready = one.whole, true
	case "Verifying Checksum", "Download complete", "Extracting":
		one.done = one.whole
	}
}

// String says ": 3.1 of 20.0 MiB, 1 of 4 layers", without the part that is not known yet.
func (l layers) String() string {
	var done, whole int64
	ready := 0
	for _, one := range l {
		done, whole = done+one.done, whole+one.whole
		if one.ready {
			ready++
		}
	}
	text := ""
	if whole > 0 {
		text = fmt.Sprintf(": %.1f of %.1f MiB", float64(done)/(1<<20), float64(whole)/(1<<20))
	}
	if len(l) > 1 {
		separator := ", "
		if text == "" {
			separator = ": "
		}
		text += fmt.Sprintf("%s%d of %d layers", separator, ready, len(l))
	}
	return text
}

// RemoveImage implements node.Images.
func (c *Client) RemoveImage(ctx context.Context, ref string) error {
	_, err := c.engine.ImageRemove(ctx, ref, client.ImageRemoveOptions{PruneChildren: true})
	if codeOf(err) == zun.CodeNotFound {
		return nil
	}
	return c.failure(err, "delete image "+ref)
}

// SearchImages implements node.Search. Whatever fails on the way to Docker Hub the engine
// calls its own fault; here it is the hub's.
func (c *Client) SearchImages(ctx context.Context, term string) ([]zun.FoundImage, error) {
	result, err := c.engine.ImageSearch(ctx, term, client.ImageSearchOptions{Limit: searchLimit})
	switch code := codeOf(err); {
	case err == nil:
		return foundImages(result.Items), nil
	case code == zun.CodeInternal && !errors.Is(err, context.Canceled):
		return nil, zun.Wrap(zun.CodeUnavailable, err, "cannot search for image %s: host %s cannot reach Docker Hub: %s", term, c.host, readable(err.Error()))
	default:
		return nil, c.failure(err, "search for image "+term)
	}
}

// searchLimit is how many results Docker Hub gives at once, at most.
const searchLimit = 100

// foundImages reads what Docker Hub says of images.
func foundImages(items []registry.SearchResult) []zun.FoundImage {
	found := make([]zun.FoundImage, len(items))
	for i, item := range items {
		found[i] = zun.FoundImage{
			Name: item.Name, Description: item.Description, Official: item.IsOfficial, Stars: item.StarCount,
		}
	}
	return found
}

// importPause puts the pause image into the engine. Two at a time would only do the work
// twice; the second finds it there by making its container again.
func (c *Client) importPause(ctx context.Context, ref string, archive []byte) error {
	c.pause.Lock()
	defer c.pause.Unlock()
	if _, err := c.engine.ImageInspect(ctx, ref); err == nil {
		return nil
	}
	result, err := c.engine.ImageImport(ctx, client.ImageImportSource{Source: bytes.NewReader(archive), SourceName: "-"}, ref,
		client.ImageImportOptions{
			Message: "gozun sandbox",
			Changes: []string{"ENTRYPOINT [\"" + pausePath + "\"]", "LABEL " + labelPrefix + "image=pause"},
		})
	if err != nil {
		return c.failure(err, "import image "+ref)
	}
	defer func() { _ = result.Close() }() // read to its end
	if _, err := io.Copy(io.Discard, result); err != nil {
		return c.failure(err, "import image "+ref)
	}
	c.log.InfoContext(ctx, "sandbox image imported", "image", ref)
	return nil
}
