package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gozun/gozun/zun"
)

// create makes the container with all it needs, and starts it if that was asked for.
func (t *task) create(ctx context.Context) error {
	if err := t.ensure(ctx); err != nil {
		return err
	}
	ran := t.found.app != nil && !t.found.app.StartedAt.IsZero() // by an earlier try: a one-time job runs once
	if !t.order.Input.Run || ran {
		return nil
	}
	return t.run(ctx)
}

// run starts the container in its sandbox.
func (t *task) run(ctx context.Context) error {
	return t.stage(ctx, zun.StageContainerStart, func(ctx context.Context) (string, error) {
		return "", t.step(ctx, func(ctx context.Context) error {
			return t.Docker.Start(ctx, ContainerName(t.order.Container.ID))
		})
	})
}

// ensure makes what is not there of the sandbox, on its networks and running, and the
// container in it. The two are made side by side.
func (t *task) ensure(ctx context.Context) error {
	t.sandboxed, t.plugged, t.remade, t.found = make(chan struct{}), false, false, seen{}
	if t.again {
		if err := t.step(ctx, func(ctx context.Context) (err error) {
			t.found, err = t.look(ctx, t.order.Container.ID)
			return err
		}); err != nil {
			return err
		}
	}
	have := t.found
	var wg errgroup.Group
	failed, fail := context.WithCancelCause(ctx) // ends a pull, which may be cut off, when the other side has failed
	defer fail(nil)
	branch := func(f func() error) func() error {
		return func() error {
			err := f()
			if err != nil {
				fail(err)
			}
			return err
		}
	}
	wg.Go(branch(func() error { return t.ensureSandbox(ctx, failed, have.sandbox) }))
	wg.Go(branch(func() error { return t.ensureContainer(ctx, failed, have) }))
	err := wg.Wait()
	if cause := context.Cause(failed); err != nil && ctx.Err() == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		return cause // the first failure, which the other side's may be a mere echo of
	}
	return err
}

// ensureSandbox returns with the sandbox running on all networks of the container.
func (t *task) ensureSandbox(ctx, failed context.Context, have *State) error {
	stays := have != nil && fits(*have, t.attachments, t.order.Networks)
	if !stays {
		if err := t.buildSandbox(ctx, failed); err != nil {
			return err
		}
	} else {
		t.takeBackSandbox()
	}
	close(t.sandboxed)
	if stays && have.Running() {
		return nil
	}
	return t.stage(ctx, zun.StagePlug, func(ctx context.Context) (string, error) {
		t.plugged = true
		err := t.startSandbox(ctx)
		if stays && zun.CodeOf(err) == zun.CodeConflict {
			// The engine was cut off while it started this one, and holds what is left
			// under its id for running. Only one with another id can take its place.
			if err = t.replaceSandbox(ctx); err == nil {
				err = t.startSandbox(ctx)
			}
		}
		return t.addresses(), err
	})
}

func (t *task) startSandbox(ctx context.Context) error {
	return t.step(ctx, func(ctx context.Context) error {
		return t.Docker.Start(ctx, SandboxName(t.order.Container.ID))
	})
}

// replaceSandbox makes the sandbox anew, with the same ports.
func (t *task) replaceSandbox(ctx context.Context) error {
	if err := t.step(ctx, t.removeSandbox); err != nil {
		return err
	}
	return t.step(ctx, t.makeSandbox)
}

// buildSandbox gets the ports and the networks ready, side by side, and makes the sandbox.
func (t *task) buildSandbox(ctx, failed context.Context) error {
	var wg errgroup.Group
	wg.Go(func() error { return t.stagePorts(ctx, indexes(t.order.Attachments)) })
	wg.Go(func() error { return t.stageNetworks(ctx, t.order.Attachments) })
	if err := wg.Wait(); err != nil {
		return err
	}
	if err := context.Cause(failed); err != nil {
		return err
	}
	return t.stage(ctx, zun.StageSandbox, func(ctx context.Context) (string, error) {
		return "", t.step(ctx, t.makeSandbox)
	})
}

// makeSandbox makes the sandbox, or adopts one that an earlier try left if it is right.
func (t *task) makeSandbox(ctx context.Context) error {
	spec := t.sandboxSpec()
	t.onFailure("sandbox", t.removeSandbox)
	_, err := t.Docker.CreateSandbox(ctx, spec)
	if zun.CodeOf(err) != zun.CodeConflict {
		return err
	}
	have, lookErr := t.look(ctx, t.order.Container.ID)
	if lookErr != nil {
		return lookErr
	}
	if have.sandbox == nil {
		return err // it clashed with something else
	}
	if fits(*have.sandbox, t.attachments, t.order.Networks) {
		return nil
	}
	if err := t.Docker.Remove(ctx, spec.Name); err != nil {
		return err
	}
	_, err = t.Docker.CreateSandbox(ctx, spec)
	return err
}

// takeBackSandbox lets a create that fails take back also what an earlier try of it made.
func (t *task) takeBackSandbox() {
	if t.order.Action.Kind != zun.ActionCreate {
		return
	}
	for i := range t.attachments {
		t.onFailure("port", func(ctx context.Context) error { return t.release(ctx, i) })
	}
	t.onFailure("sandbox", t.removeSandbox)
}

func (t *task) removeSandbox(ctx context.Context) error {
	return t.removeOwn(ctx, SandboxName(t.order.Container.ID), t.order.Container.ID)
}

func (t *task) removeContainer(ctx context.Context) error {
	return t.removeOwn(ctx, ContainerName(t.order.Container.ID), t.order.Container.ID)
}

// sandboxSpec is the sandbox for the attachments, whose ports are there.
func (t *task) sandboxSpec() SandboxSpec {
	c := t.order.Container
	spec := SandboxSpec{
		Name: SandboxName(c.ID), Owner: t.Owner, ContainerID: c.ID, ProjectID: c.ProjectID, Hostname: hostname(c),
	}
	for _, attachment := range t.attachments {
		spec.Endpoints = append(spec.Endpoints, t.endpoint(attachment))
		for _, server := range nameServers(t.order.Networks[attachment.NetworkID]) {
			if !slices.Contains(spec.DNS, server) {
				spec.DNS = append(spec.DNS, server)
			}
		}
	}
	return spec
}

func nameServers(n zun.Network) []netip.Addr {
	var servers []netip.Addr
	for _, subnet := range n.Subnets {
		servers = append(servers, subnet.DNS...)
	}
	return servers
}

// endpoint is an attachment as Docker takes it. The first network has the default route.
func (t *task) endpoint(attachment zun.Attachment) EndpointSpec {
	spec := EndpointSpec{
		Network: NetworkName(t.order.Networks[attachment.NetworkID]), PortID: attachment.PortID, MAC: attachment.MAC,
		Priority: 100 - attachment.Position,
	}
	for _, address := range attachment.Addresses {
		switch {
		case address.IP.Is4() && !spec.IPv4.IsValid():
			spec.IPv4 = address.IP
		case address.IP.Is6() && !spec.IPv6.IsValid():
			spec.IPv6 = address.IP
		}
	}
	return spec
}

// fits reports whether the sandbox is on the networks of the attachments, with their
// ports, and on no other.
func fits(sandbox State, attachments []zun.Attachment, networks map[string]zun.Network) bool {
	if going(sandbox) || len(sandbox.Endpoints) != len(attachments) {
		return false
	}
	if len(attachments) == 0 && !sandbox.Alone && !sandbox.Running() {
		return false // taken off all its networks: Docker would put it back on its first one
	}
	for _, attachment := range attachments {
		endpoint, on := sandbox.Endpoints[NetworkName(networks[attachment.NetworkID])]
		if !on || attachment.PortID == "" || endpoint.PortID != attachment.PortID {
			return false
		}
	}
	return true
}

// going reports whether Docker is taking it away, or could not.
func going(s State) bool { return s.Phase == PhaseRemoving || s.Phase == PhaseDead }

// addresses says where the container is to be reached.
func (t *task) addresses() string {
	text := ""
	for _, attachment := range t.attachments {
		for _, address := range attachment.Addresses {
			if text != "" {
				text += ", "
			}
			text += address.IP.String()
		}
	}
	return text
}

// stageNetworks makes the Docker networks of the attachments.
func (t *task) stageNetworks(ctx context.Context, attachments []zun.Attachment) error {
	if len(attachments) == 0 {
		return nil
	}
	return t.stage(ctx, zun.StageNetwork, func(ctx context.Context) (string, error) {
		var wg errgroup.Group
		for _, attachment := range attachments {
			wg.Go(func() error {
				network, known := t.order.Networks[attachment.NetworkID]
				if !known {
					return zun.Errorf(zun.CodeInternal, "cannot attach container %s: network %s is not in the order", t.order.Container.ID, attachment.NetworkID)
				}
				return t.EnsureNetwork(ctx, network)
			})
		}
		return "", wg.Wait()
	})
}

// ensureContainer returns with the container made, in the sandbox.
func (t *task) ensureContainer(ctx, failed context.Context, have seen) error {
	if err := t.stageFiles(ctx); err != nil {
		return err
	}
	if have.app != nil && t.joins(have) {
		if t.order.Action.Kind == zun.ActionCreate {
			t.onFailure("container", t.removeContainer)
		}
		return nil
	}
	if !t.imaged {
		if err := t.stage(failed, zun.StageImage, t.findImage); err != nil {
			return err
		}
	}
	if err := context.Cause(failed); err != nil {
		return err
	}
	return t.stage(ctx, zun.StageContainerCreate, func(ctx context.Context) (string, error) {
		return "", t.step(ctx, func(ctx context.Context) error { return t.makeContainer(ctx, failed) })
	})
}

// joins reports whether the container will use its sandbox. Engines may write down the
// sandbox's id instead of its name, and then lose it when the sandbox is made anew.
func (t *task) joins(have seen) bool {
	if have.app.Sandbox == SandboxName(t.order.Container.ID) {
		return !going(*have.app)
	}
	return !going(*have.app) && have.sandbox != nil && have.app.Sandbox == have.sandbox.ID && fits(*have.sandbox, t.attachments, t.order.Networks)
}

// makeContainer makes the container, or adopts one that an earlier try left.
func (t *task) makeContainer(ctx, failed context.Context) error {
	c := t.order.Container
	c.Image = t.imageReference()
	c.Entrypoint, c.Command = or(c.Entrypoint, t.image.Entrypoint), or(c.Command, t.image.Command)
	spec := ContainerSpec{
		Name: ContainerName(c.ID), Sandbox: SandboxName(c.ID), Owner: t.Owner, Action: t.order.Action.ID, Container: c, Files: t.fileSpecs(),
	}
	t.onFailure("container", t.removeContainer)
	t.remade = true
	_, err := t.Docker.CreateContainer(ctx, spec)
	if zun.CodeOf(err) == zun.CodeNotFound { // an engine that wants the sandbox to be there first
		select {
		case <-t.sandboxed:
			_, err = t.Docker.CreateContainer(ctx, spec)
		case <-failed.Done():
			return context.Cause(failed)
		}
	}
	if zun.CodeOf(err) != zun.CodeConflict {
		return err
	}
	have, lookErr := t.look(ctx, c.ID)
	switch {
	case lookErr != nil:
		return lookErr
	case have.app == nil:
		return err
	case t.joins(have):
		return nil
	}
	if err := t.Docker.Remove(ctx, spec.Name); err != nil {
		return err
	}
	_, err = t.Docker.CreateContainer(ctx, spec)
	return err
}

// imageReference is the engine's name for the container's image.
func (t *task) imageReference() string {
	return t.order.Registry.ImageReference(t.order.Container.Image)
}

func or(mine, image []string) []string {
	if len(mine) > 0 {
		return mine
	}
	return image
}

// findImage gets the image onto the host as its policy says, and reads what it would run.
func (t *task) findImage(ctx context.Context) (string, error) {
	ref, policy := t.imageReference(), t.order.Container.ImagePullPolicy
	var err error
	if policy != "always" {
		t.image, err = t.inspectImage(ctx, ref)
		switch {
		case err == nil:
			return "image " + ref + " is on host " + t.Config.Host, nil
		case zun.CodeOf(err) != zun.CodeImageNotFound:
			return "", err
		case policy == "never":
			return "", zun.Errorf(zun.CodeImageNotFound, "image %s is not on host %s, and its pull policy is never", ref, t.Config.Host)
		}
	}
	if err := t.pull(ctx, ref); err != nil {
		return "", err
	}
	t.image, err = t.inspectImage(ctx, ref)
	return "pulled " + ref, err
}

func (t *task) inspectImage(ctx context.Context, ref string) (image Image, err error) {
	err = t.step(ctx, func(ctx context.Context) error {
		image, err = t.Docker.Image(ctx, ref)
		return err
	})
	return image, err
}

// pull fetches the image, telling how far it is.
func (t *task) pull(ctx context.Context, ref string) error {
	if problem := t.order.Registry.Problem; problem != "" {
		return zun.Errorf(zun.CodeImageNotFound, "image %s cannot be pulled to host %s: %s", ref, t.Config.Host, problem)
	}
	limited, cancel := context.WithTimeout(ctx, t.PullTimeout)
	defer cancel()
	event := zun.Event{ActionID: t.order.Action.ID, Stage: zun.StageImage, StartedAt: t.Now().UTC(), Detail: "pulling " + ref}
	t.told(func(s *story) { s.began(event) })
	err := t.Docker.PullImage(limited, ref, t.order.Registry, func(sentence string) {
		event.Detail = sentence
		t.told(func(s *story) { s.began(event) })
	})
	switch {
	case err == nil, ctx.Err() != nil:
		return err
	case limited.Err() != nil:
		return zun.Wrap(zun.CodeImageNotFound, err, "image %s cannot be pulled to host %s: it took longer than %s", ref, t.Config.Host, t.PullTimeout.Round(time.Second))
	case zun.CodeOf(err) == zun.CodeUnavailable:
		return err
	}
	where := fmt.Sprintf("image %s is not on host %s and cannot be pulled", ref, t.Config.Host)
	if t.order.Container.ImagePullPolicy == "always" {
		where = fmt.Sprintf("image %s cannot be pulled to host %s", ref, t.Config.Host)
	}
	return zun.Wrap(zun.CodeImageNotFound, err, "%s: %s", where, pullCause(err, ref))
}
