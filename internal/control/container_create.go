package control

import (
	"context"
	"slices"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// CreateContainer records a container, its places on networks and the action that makes
// it, all or nothing, and returns it in status Creating. What the user's words mean is
// asked of Neutron with his own token; nothing is asked for networks of ours.
//
// Codes: CodeRegistryNotFound, CodeInvalid (bad field, image of another registry, unknown security group, fixed address outside the
// subnets, a network named twice, a container in a hint that is not there), CodeConflict
// (ambiguous name, address in use, no network available), CodeContainerExists, CodeOverQuota,
// CodeRequestedHostNotFound, CodeNetworkNotFound, CodePortNotFound, CodePortNotUsable,
// CodePortInUse, CodePortBindingFailed, CodeExternalNetwork, CodeUnavailable.
func (s *Service) CreateContainer(ctx context.Context, g policy.Grant, request zun.ContainerRequest) (zun.ContainerDetail, error) {
	if g.Identity().ProjectID == "" {
		return zun.ContainerDetail{}, zun.Errorf(zun.CodePolicyNotAuthorized, "cannot create a container: the token is not scoped to a project")
	}
	if err := s.checkContainer(request); err != nil {
		return zun.ContainerDetail{}, err
	}
	placement, err := s.placement(ctx, g, request.Placement)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	registryID, err := s.registryFor(ctx, g, request.Registry, request.Image)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	r := s.resolver(g, request.OwnNetworks)
	groups, err := r.securityGroups(ctx, request.SecurityGroups)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	nets, err := r.nets(ctx, request.Nets)
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	c := s.newContainer(g.Identity(), request)
	c.SecurityGroups, c.RegistryID = groups, registryID
	c, defaultDisk := s.giveDisk(ctx, c)
	var detail zun.ContainerDetail
	err = s.Store.Change(ctx, func(ctx context.Context) error {
		if err := s.claim(ctx, c.ProjectID, holds(c)); err != nil {
			return err
		}
		if c, err = s.named(ctx, c); err != nil {
			return err
		}
		if err := s.Store.AddContainer(ctx, c); err != nil {
			return err
		}
		if err := s.addFiles(ctx, c.ID, request.Files); err != nil {
			return err
		}
		for i, net := range nets {
			if _, err := s.attach(ctx, c, net, i); err != nil {
				return err
			}
		}
		input := zun.ActionInput{Run: request.Run, Placement: placement, DefaultDisk: defaultDisk}
		if err := s.addAction(ctx, g.Identity(), c.ID, zun.ActionCreate, input); err != nil {
			return err
		}
		detail, err = s.Store.ContainerDetail(ctx, c.ID)
		return err
	})
	if err != nil {
		return zun.ContainerDetail{}, err
	}
	s.queue.poke(c.ID)
	return detail, nil
}

// addFiles records the files that a new container gets.
func (s *Service) addFiles(ctx context.Context, containerID string, files []zun.File) error {
	files = slices.Clone(files)
	for i := range files {
		files[i].ID = s.NewID()
	}
	return s.Store.AddFiles(ctx, containerID, files)
}

// newContainer fills in what the request leaves open.
func (s *Service) newContainer(who zun.Identity, r zun.ContainerRequest) zun.Container {
	c := zun.Container{
		ID: s.NewID(), Name: r.Name, ProjectID: who.ProjectID, UserID: who.UserID,
		Image: r.Image, ImagePullPolicy: r.ImagePullPolicy, ImageDriver: r.ImageDriver,
		Command: r.Command, Entrypoint: r.Entrypoint, CPU: s.Bounds.DefaultCPU, MemoryMiB: s.Bounds.DefaultMemoryMiB,
		Environment: r.Environment, Labels: r.Labels, Workdir: r.Workdir, Hostname: r.Hostname,
		Interactive: r.Interactive, TTY: r.TTY, AutoRemove: r.AutoRemove, AutoHeal: r.AutoHeal, RestartPolicy: r.RestartPolicy,
		Privileged: r.Privileged, Runtime: r.Runtime, Healthcheck: r.Healthcheck, ExposedPorts: r.ExposedPorts,
		Status: zun.StatusCreating, TaskState: zun.TaskCreating, CreatedAt: s.now(),
	}
	c.UpdatedAt = c.CreatedAt
	if c.ImageDriver == "" {
		c.ImageDriver = "docker"
	}
	if r.CPU != nil {
		c.CPU = *r.CPU
	}
	if r.MemoryMiB != nil {
		c.MemoryMiB = *r.MemoryMiB
	}
	if r.DiskGiB != nil {
		c.DiskGiB = *r.DiskGiB
	}
	return c
}

// holds is what a container counts for in the quota of its project.
func holds(c zun.Container) zun.QuotaUsage {
	return zun.QuotaUsage{Containers: 1, MemoryMiB: c.MemoryMiB, DiskGiB: c.DiskGiB, CPU: c.CPU}
}
