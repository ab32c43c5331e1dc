package control

import (
	"context"
	"slices"

	"github.com/gozun/gozun/zun"
)

// NameScope is where no two containers have the same name, whatever its case (Zun:
// unique_container_name_scope). "" is nowhere.
type NameScope string

// The scopes.
const (
	NamesInProject  NameScope = "project"
	NamesEverywhere NameScope = "global"
)

// nameIsFree refuses a container's name that another has (CodeContainerExists). It must be
// called in the transaction that then records the name.
func (s *Service) nameIsFree(ctx context.Context, c zun.Container) error {
	project := c.ProjectID
	switch s.UniqueNames {
	case NamesInProject:
	case NamesEverywhere:
		project = ""
	default:
		return nil
	}
	ids, err := s.Store.Namesakes(ctx, project, c.Name)
	if err == nil && slices.ContainsFunc(ids, func(id string) bool { return id != c.ID }) {
		return zun.Errorf(zun.CodeContainerExists, "A container with name %s already exists.", c.Name)
	}
	return err
}

// mayBeNamed is nameIsFree for a change. A container can keep a name that others have since
// before names were unique.
func (s *Service) mayBeNamed(ctx context.Context, c zun.Container, change zun.Change) error {
	if change.Name == nil || *change.Name == c.Name {
		return nil
	}
	return s.nameIsFree(ctx, change.Apply(c))
}

// named returns a new container with a name that is free: its own, or one that is drawn. It
// is called as nameIsFree is.
func (s *Service) named(ctx context.Context, c zun.Container) (zun.Container, error) {
	if c.Name != "" {
		return c, s.nameIsFree(ctx, c)
	}
	for {
		c.Name = makeName(s.NewID())
		if err := s.nameIsFree(ctx, c); zun.CodeOf(err) != zun.CodeContainerExists {
			return c, err
		}
	}
}
