package cli_test

import (
	"context"
	"slices"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// PullImage gets every image but missing; an image takes one step each time somebody looks
// at it.
func (b *backend) PullImage(_ context.Context, g policy.Grant, r zun.ImageRequest) (zun.Image, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Host != "h1" {
		return zun.Image{}, zun.Errorf(zun.CodeInvalid, "The host %s does not exist.", r.Host)
	}
	repo, tag := zun.SplitReference(r.Repo)
	if tag == "" {
		tag = "latest"
	}
	for _, i := range b.images {
		if i.Repo == repo && i.Tag == tag {
			return zun.Image{}, zun.Errorf(zun.CodeImageExists, "An image with tag %s and repo %s already exists on host h1.", tag, repo)
		}
	}
	i := &zun.Image{
		ID: id("90000", len(b.images)+1), ProjectID: g.Identity().ProjectID, Repo: repo, Tag: tag, Host: r.Host, RegistryID: r.Registry,
		Status: zun.ImagePulling, CreatedAt: noon,
	}
	b.images = append(b.images, i)
	return *i, nil
}

func (b *backend) ListImages(_ context.Context, _ policy.Grant, f zun.ImageFilter) ([]zun.Image, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []zun.Image
	for _, i := range b.images {
		if f.Repo == "" || f.Repo == i.Repo {
			found = append(found, *i)
		}
	}
	return found, nil
}

func (b *backend) GetImage(_ context.Context, _ policy.Grant, ref string) (zun.Image, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range b.images {
		if i.ID != ref {
			continue
		}
		now := *i
		switch {
		case i.StatusDetail == "":
			i.StatusDetail = "pulling " + i.Reference() + ": 1.0 of 4.0 MiB"
		case i.Repo == "missing":
			i.Status, i.StatusReason = zun.ImageError, "cannot pull image missing: the registry has no such image or tag"
		default:
			i.Status, i.DockerID, i.SizeBytes = zun.ImageAvailable, "sha256:"+i.ID, 4<<20
		}
		return now, nil
	}
	return zun.Image{}, zun.Errorf(zun.CodeImageNotFound, "Image %s could not be found.", ref)
}

func (b *backend) DeleteImage(ctx context.Context, g policy.Grant, ref string) error {
	if _, err := b.GetImage(ctx, g, ref); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.images = slices.DeleteFunc(b.images, func(i *zun.Image) bool { return i.ID == ref })
	return nil
}

func (b *backend) SearchImages(_ context.Context, _ policy.Grant, name string, exact bool) ([]zun.FoundImage, error) {
	found := []zun.FoundImage{{Name: name, Description: "the one", Official: true, Stars: 7}, {Name: "other/" + name}}
	if exact {
		found = found[:1]
	}
	return found, nil
}
