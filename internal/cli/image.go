package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gozun/gozun/client"
	"github.com/gozun/gozun/zun"
)

// byteSize is a number of bytes, shown in tables in MiB.
type byteSize string

// String returns the size in MiB.
func (b byteSize) String() string {
	n, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return string(b)
	}
	return fmt.Sprintf("%.1f MiB", n/(1<<20))
}

func imageFields() []column[client.Image] {
	type i = client.Image
	return []column[i]{
		{name: "uuid", get: func(k i) any { return k.UUID }},
		{name: "repo", get: func(k i) any { return k.Repo }},
		{name: "tag", get: func(k i) any { return k.Tag }},
		{name: "host", get: func(k i) any { return k.Host }},
		{name: "size", get: func(k i) any { return byteSize(k.Size) }},
		{name: "status", get: func(k i) any { return k.Status }},
		{name: "status_reason", get: func(k i) any { return k.StatusReason }},
		{name: "status_detail", get: func(k i) any { return k.StatusDetail }},
		{name: "image_id", get: func(k i) any { return k.ImageID }},
		{name: "registry_id", get: func(k i) any { return k.RegistryID }},
		{name: "project_id", get: func(k i) any { return k.ProjectID }},
		{name: "created_at", get: func(k i) any { return k.CreatedAt }},
		{name: "updated_at", get: func(k i) any { return k.UpdatedAt }},
	}
}

func listedImage() []column[client.Image] {
	return ordered(imageFields(), []string{"uuid", "repo", "tag", "host", "size", "status"})
}

func (s *session) pullCommand() *cobra.Command {
	var pull client.ImagePull
	command := &cobra.Command{
		Use:   "pull IMAGE HOST",
		Short: "Pull an image onto a host (administrators)",
		Long: `Pull an image onto a host, so that containers there need not wait for it. Users need not do
this: a container brings its image. An image that could not be pulled may be pulled again.`,
		Example: `  zun pull nginx:1.27 compute1
  zun pull --registry team app:1.2 compute1`,
		Args:              exactArgs("IMAGE", "HOST"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := outputFlags(command)
	flags := command.Flags()
	flags.StringVar(&pull.Registry, "registry", "", "registry that the image comes from, name or UUID (see registry-create)")
	flags.StringVar(&pull.PullPolicy, "image-pull-policy", "", "always, ifnotpresent or never")
	s.bindRegistryCompletion(command)
	w := waitFlags(command)
	command.RunE = showing(s, out, imageFields(), func(ctx context.Context, c *client.Client, args []string) (client.Image, error) {
		pull.Repo, pull.Host = args[0], args[1]
		made, err := c.PullImage(ctx, pull)
		if err != nil || !s.waits(w) {
			return made, err
		}
		return s.awaitImage(ctx, c, made, "pull", w)
	})
	return command
}

// awaitImage shows how far an image is until its host has nothing more to do.
func (s *session) awaitImage(ctx context.Context, c *client.Client, i client.Image, verb string, w *waiting) (client.Image, error) {
	bounded, stop := context.WithTimeout(ctx, w.timeout)
	defer stop()
	name := i.Repo + ":" + i.Tag
	view := s.newView(verb + " " + name)
	last, err := s.watchImage(bounded, c, i, view)
	view.finish(err == nil && last.Status != zun.ImageError)
	switch {
	case err == nil && last.Status == zun.ImageError:
		return last, endedError{fmt.Errorf("the %s of %s failed: %s", verb, name, either(last.StatusReason, "no reason was given"))}
	case ctx.Err() != nil:
		s.note("no longer waiting; the %s of %s goes on: zun image-show %s", verb, name, i.UUID)
		return last, ctx.Err()
	case bounded.Err() != nil:
		return last, endedError{fmt.Errorf("gave up waiting for the %s of %s after %s; it goes on without us: zun image-show %s", verb, name, w.timeout, i.UUID)}
	}
	return last, err
}

// watchImage looks at an image, drawing meanwhile, until it is not owed any more.
func (s *session) watchImage(ctx context.Context, c *client.Client, i client.Image, view *view) (client.Image, error) {
	redraw := time.NewTicker(redrawEvery)
	defer redraw.Stop()
	began, interval, bad := client.Time{Time: s.Now()}, firstLook, 0
	for {
		now, err := c.GetImage(ctx, i.UUID)
		switch {
		case ctx.Err() != nil:
			return i, ctx.Err()
		case err == nil:
			i, bad = now, 0
			done := i.Status != zun.ImagePulling && (i.Status != "" || i.ImageID != "")
			view.show([]client.Event{imageEvent(i, began, done)})
			if done {
				return i, nil
			}
		case !passing(err):
			return i, err
		default:
			if bad++; bad == badLooks {
				return i, err
			}
		}
		if !hold(ctx, time.NewTimer(interval), redraw, view) {
			return i, ctx.Err()
		}
		interval = min(interval*5/4, slowestLook)
	}
}

// imageEvent is how far an image is, in the form of a stage of an action.
func imageEvent(i client.Image, began client.Time, done bool) client.Event {
	e := client.Event{Event: string(zun.StageImage), StartTime: began, Detail: either(i.StatusReason, i.StatusDetail)}
	switch {
	case i.Status == zun.ImageError:
		e.Result = "Error"
	case done:
		e.Result, e.Detail = "Success", byteSize(i.Size).String()
	}
	return e
}

func (s *session) imageListCommand() *cobra.Command {
	var list client.ImageList
	command := &cobra.Command{
		Use:               "image-list",
		Short:             "List the images that were pulled onto hosts (administrators)",
		Example:           "  zun image-list\n  zun image-list --host compute1 -f value -c repo -c tag",
		Args:              noArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := listFlags(command)
	pageFlags(command, &list.Page)
	flags := command.Flags()
	flags.StringVar(&list.Repo, "repo", "", "only of this name, without a tag")
	flags.StringVar(&list.Tag, "tag", "", "only with this tag")
	flags.StringVar(&list.Host, "host", "", "only on this host")
	flags.StringVar(&list.Status, "status", "", "only in this status, Available")
	flags.BoolVar(&list.AllProjects, "all-projects", false, "also those that other projects had pulled")
	command.PreRunE = func(*cobra.Command, []string) error { return checkPage(list.Page) }
	command.RunE = listing(s, out, listedImage(), func(ctx context.Context, c *client.Client, _ []string) ([]client.Image, error) {
		return c.ListImages(ctx, list)
	})
	return command
}

func (s *session) imageShowCommand() *cobra.Command {
	command := &cobra.Command{
		Use:               "image-show IMAGE",
		Short:             "Show an image on a host, by UUID (administrators)",
		Example:           "  zun image-show 3f9e2f0c-6f0c-4c0e-9a53-5e1ab3a0c9f1",
		Args:              exactArgs("IMAGE"),
		ValidArgsFunction: s.completeImages(1),
	}
	out := outputFlags(command)
	command.RunE = showing(s, out, imageFields(), func(ctx context.Context, c *client.Client, args []string) (client.Image, error) {
		return c.GetImage(ctx, args[0])
	})
	return command
}

func (s *session) imageDeleteCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "image-delete IMAGE...",
		Short: "Delete images from their hosts, by UUID (administrators)",
		Long: `Delete images from their hosts, by UUID. It is done soon after; an image that a container is
made from stays, and image-show says why.`,
		Example:           "  zun image-delete 3f9e2f0c-6f0c-4c0e-9a53-5e1ab3a0c9f1",
		Args:              leastArgs("IMAGE"),
		ValidArgsFunction: s.completeImages(0),
	}
	command.RunE = s.each("IMAGE", "accepted: delete image %s", func(ctx context.Context, c *client.Client, id string) error {
		return c.DeleteImage(ctx, id)
	})
	return command
}

func (s *session) imageSearchCommand() *cobra.Command {
	var exact bool
	driver := ""
	command := &cobra.Command{
		Use:               "image-search NAME",
		Short:             "Search for images in Docker Hub",
		Example:           "  zun image-search nginx\n  zun image-search --exact-match bitnami/nginx",
		Args:              exactArgs("NAME"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	out := listFlags(command)
	flags := command.Flags()
	flags.BoolVar(&exact, "exact-match", false, "only of this very name")
	flags.StringVar(&driver, "image-driver", "docker", "where to search: docker")
	flags.StringVar(&driver, "image_driver", "docker", "as --image-driver")
	_ = flags.MarkHidden("image_driver") // python-zunclient's spelling
	command.PreRunE = func(*cobra.Command, []string) error {
		if driver != "docker" {
			return errors.New("cannot search with image driver " + driver + ": only Docker Hub can be searched, which is docker")
		}
		return nil
	}
	type f = client.FoundImage
	command.RunE = listing(s, out, []column[f]{
		{name: "name", get: func(k f) any { return k.Name }},
		{name: "official", get: func(k f) any { return k.Metadata.Official }},
		{name: "stars", get: func(k f) any { return k.Metadata.Stars }},
		{name: "description", get: func(k f) any { return k.Description }},
	}, func(ctx context.Context, c *client.Client, args []string) ([]f, error) {
		return c.SearchImages(ctx, args[0], exact)
	})
	return command
}

// completeImages completes up to most images (0: any number) by UUID, each once.
func (s *session) completeImages(most int) completer {
	return s.complete(most, func(ctx context.Context) ([]cobra.Completion, error) {
		c, err := s.zun()
		if err != nil {
			return nil, err
		}
		images, err := c.ListImages(ctx, client.ImageList{Page: client.Page{Limit: 200}})
		var found []cobra.Completion
		for _, i := range images {
			found = append(found, cobra.CompletionWithDesc(i.UUID, i.Repo+":"+i.Tag+" on "+i.Host))
		}
		return found, err
	})
}
