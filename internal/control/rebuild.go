package control

import (
	"context"
	"strings"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// RebuildContainer orders that a container be made anew, from another image unless image
// is "", with the same addresses, and started if it runs. The status is Rebuilding and the
// image is the new one at once. If the image is not to be had the container stays as it
// was; what fails later leaves it in Error. CodeInvalid: no image can have that name, or
// no such driver is there.
func (s *Service) RebuildContainer(ctx context.Context, g policy.Grant, ref, image, imageDriver string) error {
	if image != "" && (len(image) < 2 || len(image) > 255 || strings.ContainsRune(image, 0)) {
		return zun.Errorf(zun.CodeInvalid, "cannot rebuild container %s from image %q: an image's name has 2 to 255 characters", ref, image)
	}
	_, err := s.orderOn(ctx, g, ref, zun.ActionRebuild, func(_ context.Context, c zun.Container) (zun.Container, zun.ActionInput, error) {
		input := zun.ActionInput{Run: c.Status == zun.StatusRunning, Before: &zun.Before{
			Image: c.Image, ImageDriver: c.ImageDriver, Command: c.Command, Entrypoint: c.Entrypoint,
			ImageCommand: c.ImageCommand, ImageEntrypoint: c.ImageEntrypoint, Ports: c.Ports,
		}}
		c = asRequested(c)
		if image != "" {
			c.Image = image
		}
		if imageDriver != "" {
			c.ImageDriver = imageDriver
		}
		return c, input, nil
	})
	return err
}

// asRequested returns a container without what its image said, which another may say
// otherwise.
func asRequested(c zun.Container) zun.Container {
	if c.ImageCommand {
		c.Command, c.ImageCommand = nil, false
	}
	if c.ImageEntrypoint {
		c.Entrypoint, c.ImageEntrypoint = nil, false
	}
	c.Ports = nil
	return c
}

// notRebuilt returns a container whose rebuild failed: as it was, with the reason, when
// nothing was taken away yet; else in Error.
func notRebuilt(c zun.Container, action zun.Action, outcome zun.Outcome) zun.Container {
	before := inputOf(action).Before
	if !outcome.Unchanged || before == nil {
		c.Status, c.StatusReason = zun.StatusError, outcome.Message
		return c
	}
	c.Image, c.ImageDriver, c.Ports = before.Image, before.ImageDriver, before.Ports
	c.Command, c.ImageCommand = before.Command, before.ImageCommand
	c.Entrypoint, c.ImageEntrypoint = before.Entrypoint, before.ImageEntrypoint
	c.StatusReason = outcome.Message
	if outcome.Observation.Status == "" {
		c.Status = zun.StatusUnknown
	}
	return c
}
