package control

import (
	"context"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

// container returns the container that ref names. It is looked for in the caller's
// project; an administrator's UUIDs and names are then looked for in all, as Zun does.
// What the grant's rule does not allow is a 404 in another project and a 403 in one's own.
func (s *Service) container(ctx context.Context, g policy.Grant, ref string, allProjects bool) (zun.Container, error) {
	id := g.Identity()
	var containers []zun.Container
	var err error
	if id.ProjectID != "" {
		containers, err = s.Store.FindContainers(ctx, id.ProjectID, ref)
	}
	if err == nil && len(containers) == 0 && (allProjects || s.Policy.IsAdmin(id)) {
		containers, err = s.Store.FindContainers(ctx, "", ref)
	}
	if err != nil {
		return zun.Container{}, err
	}
	switch len(containers) {
	case 0:
		return zun.Container{}, noContainer(ref)
	case 1:
		return containers[0], s.mayTouch(g, containers[0])
	default:
		return zun.Container{}, zun.Errorf(zun.CodeConflict, "%d containers are named %q; use a UUID (%s, ...)", len(containers), ref, containers[0].ID)
	}
}

func noContainer(ref string) *zun.Error {
	return zun.Errorf(zun.CodeContainerNotFound, "Container %s could not be found.", ref)
}

// mayTouch asks the grant's rule again, now about the container that was found.
func (s *Service) mayTouch(g policy.Grant, c zun.Container) error {
	if g.Rule() == "" || s.Policy.Allows(g.Identity(), g.Rule(), targetOf(c)) {
		return nil
	}
	if c.ProjectID != g.Identity().ProjectID {
		return noContainer(c.ID)
	}
	_, err := s.Policy.Authorize(g.Identity(), g.Rule(), targetOf(c))
	return err
}

func targetOf(c zun.Container) policy.Target {
	return policy.Target{"project_id": c.ProjectID, "user_id": c.UserID}
}

// may returns a CodePolicyNotAuthorized error unless the rule allows the caller to act on
// a target; nil is his own project.
func (s *Service) may(g policy.Grant, rule string, target policy.Target) error {
	_, err := s.Policy.Authorize(g.Identity(), rule, target)
	return err
}

// network returns the network of the caller's project that ref names; who may list all
// projects' networks finds those of others by UUID.
func (s *Service) network(ctx context.Context, g policy.Grant, ref string) (zun.Network, error) {
	id := g.Identity()
	var networks []zun.Network
	var err error
	if id.ProjectID != "" {
		networks, err = s.Store.FindNetworks(ctx, id.ProjectID, ref)
	}
	if err == nil && len(networks) == 0 && zun.IsUUID(ref) && s.Policy.Allows(id, "network:get_all_all_projects", nil) {
		networks, err = s.Store.FindNetworks(ctx, "", ref)
	}
	if err != nil {
		return zun.Network{}, err
	}
	if len(networks) == 0 {
		return zun.Network{}, noNetwork(ref)
	}
	return networks[0], nil
}

func noNetwork(ref string) *zun.Error {
	return zun.Errorf(zun.CodeNetworkNotFound, "Network %s could not be found.", ref)
}
