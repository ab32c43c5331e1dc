package control

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// searchTimeout bounds a search in Docker Hub.
const searchTimeout = 30 * time.Second

// PullImage records an image and has its host pull it, which is done later. One that could
// not be pulled before is tried again, under the same UUID.
//
// Codes: CodeInvalid (the host is not known, the image is another registry's),
// CodeImageExists, CodeRegistryNotFound, CodeConflict (several registries have the name).
func (s *Service) PullImage(ctx context.Context, g policy.Grant, request zun.ImageRequest) (zun.Image, error) {
	if g.Identity().ProjectID == "" {
		return zun.Image{}, zun.Errorf(zun.CodePolicyNotAuthorized, "cannot pull an image: the token is not scoped to a project")
	}
	host, err := s.hostForImage(ctx, request.Host)
	if err != nil {
		return zun.Image{}, err
	}
	i := zun.Image{
		ID: s.NewID(), ProjectID: g.Identity().ProjectID, UserID: g.Identity().UserID, Host: host, PullPolicy: request.PullPolicy,
		Status: zun.ImagePulling, CreatedAt: s.now(), UpdatedAt: s.now(),
	}
	if i.RegistryID, err = s.registryFor(ctx, g, request.Registry, request.Repo); err != nil {
		return zun.Image{}, err
	}
	access, err := s.access(ctx, i.RegistryID)
	if err != nil {
		return zun.Image{}, err
	}
	var tag string
	i.Repo, tag = zun.SplitReference(access.ImageReference(request.Repo))
	for _, wish := range []string{tag, request.Tag, "latest"} {
		if i.Tag == "" {
			i.Tag = wish
		}
	}
	err = s.Store.Change(ctx, func(ctx context.Context) error { return s.addImage(ctx, &i) })
	if err == nil {
		s.images.add(i.ID)
	}
	return i, err
}

// hostForImage returns the name of the host that is named, or has this UUID.
func (s *Service) hostForImage(ctx context.Context, ref string) (string, error) {
	hosts, err := s.Store.Hosts(ctx)
	if err != nil {
		return "", err
	}
	for _, host := range hosts {
		if host.Name == ref || zun.IsUUID(ref) && strings.EqualFold(host.ID, ref) {
			return host.Name, nil
		}
	}
	if slices.Contains(s.Nodes.Names(), ref) { // it has not told of itself yet
		return ref, nil
	}
	return "", zun.Errorf(zun.CodeInvalid, "The host %s does not exist.", ref)
}

// addImage records an image that is to be pulled, in the place of one that could not be.
func (s *Service) addImage(ctx context.Context, i *zun.Image) error {
	failed, err := s.Store.ListImages(ctx, "", zun.ImageFilter{Repo: i.Repo, Tag: i.Tag, Host: i.Host, Status: zun.ImageError})
	if err != nil {
		return err
	}
	if len(failed) == 0 {
		return s.Store.AddImage(ctx, *i)
	}
	i.ID, i.CreatedAt = failed[0].ID, failed[0].CreatedAt
	return s.Store.SaveImage(ctx, *i)
}

// ListImages returns a page of the images that the caller's project had pulled, or of all.
func (s *Service) ListImages(ctx context.Context, g policy.Grant, filter zun.ImageFilter) ([]zun.Image, error) {
	projectID := g.Identity().ProjectID
	if filter.AllProjects {
		projectID = ""
	} else if projectID == "" {
		return nil, nil
	}
	return s.Store.ListImages(ctx, projectID, filter)
}

// GetImage returns an image by UUID. CodeImageNotFound: there is none.
func (s *Service) GetImage(ctx context.Context, g policy.Grant, id string) (zun.Image, error) {
	if !zun.IsUUID(id) {
		return zun.Image{}, noImage(id)
	}
	i, err := s.Store.Image(ctx, strings.ToLower(id))
	target := policy.Target{"project_id": i.ProjectID, "user_id": i.UserID}
	if err == nil && g.Rule() != "" && !s.Policy.Allows(g.Identity(), g.Rule(), target) {
		return zun.Image{}, noImage(id)
	}
	return i, err
}

func noImage(id string) *zun.Error {
	return zun.Errorf(zun.CodeImageNotFound, "Image %s could not be found.", id)
}

// DeleteImage has the host of an image remove it, which is done later. An image that is
// being pulled is not waited for. CodeImageNotFound: there is none.
func (s *Service) DeleteImage(ctx context.Context, g policy.Grant, id string) error {
	found, err := s.GetImage(ctx, g, id)
	if err != nil {
		return err
	}
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		i, err := s.Store.Image(ctx, found.ID)
		if err != nil {
			return err
		}
		i.Status, i.StatusReason, i.StatusDetail, i.UpdatedAt = zun.ImageDeleting, "", "", s.now()
		return s.Store.SaveImage(ctx, i)
	})
	if err == nil {
		s.images.add(found.ID)
	}
	return err
}

// SearchImages searches Docker Hub by name, by way of any host that is up; with exact only
// that very name counts.
//
// Codes: CodeInvalid (the name is of another registry, or cannot be searched for),
// CodeUnavailable (no host is up, or Docker Hub does not answer it).
func (s *Service) SearchImages(ctx context.Context, _ policy.Grant, name string, exact bool) ([]zun.FoundImage, error) {
	term, err := hubTerm(name)
	if err != nil {
		return nil, err
	}
	bounded, cancel := context.WithTimeout(ctx, searchTimeout)
	defer cancel()
	found, err := s.searchFrom(bounded, term)
	if err != nil {
		return nil, err
	}
	if exact {
		found = slices.DeleteFunc(found, func(f zun.FoundImage) bool { return f.Name != term })
	}
	return found, nil
}

// searchFrom searches from the first host that reaches Docker Hub, be it open for new
// containers or not.
func (s *Service) searchFrom(ctx context.Context, term string) ([]zun.FoundImage, error) {
	failed := error(zun.Errorf(zun.CodeUnavailable, "cannot search for image %s: no host is connected", term))
	for _, name := range s.Nodes.Names() {
		node, ok := s.Nodes.Node(name)
		if !ok {
			continue
		}
		found, err := node.SearchImages(ctx, term)
		if err = hostSays(name, err); zun.CodeOf(err) != zun.CodeUnavailable {
			return found, err
		}
		failed = err
	}
	return nil, failed
}

// hubTerm is what is searched for in Docker Hub: the name without the hub's own host and
// without a tag, which the hub does not search by.
func hubTerm(name string) (string, error) {
	repo, _ := zun.SplitReference(name)
	host, rest, found := strings.Cut(repo, "/")
	switch {
	case found && slices.Contains([]string{"docker.io", "index.docker.io", "registry-1.docker.io"}, host):
		repo = rest
	case found && (strings.ContainsAny(host, ".:") || host == "localhost"):
		return "", zun.Errorf(zun.CodeInvalid, "cannot search for image %s: only Docker Hub can be searched, and %s is not it", name, host)
	}
	repo = strings.TrimPrefix(repo, "library/") // as the hub lists what is official
	if len(repo) < 2 {
		return "", zun.Errorf(zun.CodeInvalid, "cannot search for image %q: say at least two characters of its name", name)
	}
	return repo, nil
}

// runImages gives images to their hosts: those it is told of, and at intervals all that
// are owed, which is how those are found that a crash, or a host that was away, has left.
func (s *Service) runImages(ctx context.Context) error {
	ticker := time.NewTicker(s.HeartbeatEvery)
	defer ticker.Stop()
	for {
		owed, err := s.Store.OwedImages(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.Error("cannot find images that are owed", "error", err)
		}
		for _, i := range owed {
			s.images.add(i.ID)
		}
		if !s.giveImagesUntil(ctx, ticker.C) {
			return nil
		}
	}
}

// giveImagesUntil gives images out until the next tick, and reports false when ctx has
// ended.
func (s *Service) giveImagesUntil(ctx context.Context, tick <-chan time.Time) bool {
	for {
		var group errgroup.Group
		group.SetLimit(giveOutsAtOnce)
		for _, id := range s.images.take() {
			group.Go(func() error {
				if err := s.giveImage(ctx, id); err != nil && ctx.Err() == nil {
					s.Log.Error("cannot give an image to its host", "image", id, "error", err)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			s.Log.Error("cannot give out images", "error", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick:
			return true
		case <-s.images.wake:
		}
	}
}

// giveImage gives an image to its host, if something is owed on it. A host that cannot
// take it is asked again at the next tick; the image says what it waits for.
func (s *Service) giveImage(ctx context.Context, id string) error {
	i, err := s.Store.Image(ctx, id)
	if zun.CodeOf(err) == zun.CodeImageNotFound || err == nil && !i.Owed() {
		return nil
	}
	if err != nil {
		return err
	}
	order := zun.ImageOrder{Image: i}
	if order.Registry, err = s.access(ctx, i.RegistryID); zun.CodeOf(err) == zun.CodeRegistryNotFound {
		order.Registry, err = zun.RegistryAccess{Problem: "registry " + i.RegistryID + " was deleted"}, nil
	}
	if err != nil {
		return err
	}
	err = s.handImage(ctx, order)
	var told *zun.Error
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &told) && told.Code == zun.CodeUnavailable:
		return s.imageWaits(ctx, i, "waiting for host "+i.Host+": "+told.Message)
	}
	return err
}

func (s *Service) handImage(ctx context.Context, order zun.ImageOrder) error {
	node, ok := s.Nodes.Node(order.Image.Host)
	if !ok {
		return zun.Errorf(zun.CodeUnavailable, "it is not connected")
	}
	bounded, cancel := context.WithTimeout(ctx, acceptTimeout)
	defer cancel()
	return hostSays(order.Image.Host, node.AcceptImage(bounded, order))
}

// imageWaits records what an image waits for, unless that is known.
func (s *Service) imageWaits(ctx context.Context, seen zun.Image, reason string) error {
	if seen.StatusReason == reason {
		return nil
	}
	return s.Store.Change(ctx, func(ctx context.Context) error {
		i, err := s.Store.Image(ctx, seen.ID)
		if err != nil || i.Status != seen.Status {
			return err
		}
		i.StatusReason = reason
		return s.Store.SaveImage(ctx, i)
	})
}

// ImageChanged records what a host tells of an image. What it tells of an order that has
// been overtaken, a pull of an image that is to be deleted, changes no status.
func (s *Service) ImageChanged(ctx context.Context, report zun.ImageReport) error {
	err := s.Store.Change(ctx, func(ctx context.Context) error {
		i, err := s.Store.Image(ctx, report.ImageID)
		if err != nil || i.Status != report.Order {
			return err
		}
		if report.Deleted {
			return s.Store.DeleteImage(ctx, i.ID)
		}
		i.StatusDetail, i.UpdatedAt = report.Detail, s.now()
		if report.Status != "" {
			i.Status, i.StatusReason = report.Status, report.Reason
			setIf(&i.DockerID, report.DockerID)
			setIf(&i.SizeBytes, report.SizeBytes)
		}
		return s.Store.SaveImage(ctx, i)
	})
	if zun.CodeOf(err) == zun.CodeImageNotFound {
		return nil
	}
	return err
}
