package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/moby/moby/api/types/jsonstream"
	"github.com/moby/moby/client"

	"github.com/gozun/gozun/internal/node"
	"github.com/gozun/gozun/zun"
)

// progressEvery is how often the sentence about a pull is renewed.
const progressEvery = time.Second

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
	image := node.Image{ID: result.ID}
	if result.Config == nil {
		return image
	}
	image.Entrypoint, image.Command = result.Config.Entrypoint, result.Config.Cmd
	return image
}

// PullImage implements node.Images.
func (c *Client) PullImage(ctx context.Context, ref string, progress func(string)) error {
	response, err := c.engine.ImagePull(ctx, ref, client.ImagePullOptions{})
	if err != nil {
		return c.failure(err, "pull image "+ref)
	}
	defer func() { _ = response.Close() }() // the error of the stream itself is returned below
	layers, told := layers{}, time.Time{}
	for message, err := range response.JSONMessages(ctx) {
		if err == nil && message.Error != nil {
			err = message.Error
		}
		if err != nil {
			return c.failure(err, "pull image "+ref)
		}
		layers.add(message)
		if time.Since(told) >= progressEvery {
			told = time.Now()
			progress("pulling " + ref + layers.String())
		}
	}
	return nil
}

// layers adds up the layers of a pull: done and whole bytes of each.
type layers map[string][2]int64

func (l layers) add(message jsonstream.Message) {
	if message.Progress != nil && message.Progress.Total > 0 && message.Status == "Downloading" {
		l[message.ID] = [2]int64{message.Progress.Current, message.Progress.Total}
	}
	if whole, known := l[message.ID]; known && strings.HasPrefix(message.Status, "Download complete") {
		l[message.ID] = [2]int64{whole[1], whole[1]}
	}
}

// String says ": 3.1 of 20.0 MiB", or nothing before sizes are known.
func (l layers) String() string {
	var done, whole int64
	for _, layer := range l {
		done, whole = done+layer[0], whole+layer[1]
	}
	if whole == 0 {
		return ""
	}
	return fmt.Sprintf(": %.1f of %.1f MiB", float64(done)/(1<<20), float64(whole)/(1<<20))
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
