package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/gozun/gozun/zun"
)

// listContainers serves GET /v1/containers.
func (s *server) listContainers(ctx context.Context, c *call) (reply, error) {
	q := s.listQuery(c, "name", "image", "project_id", "user_id", "memory", "host", "task_state", "status", "auto_remove")
	filter := zun.ContainerFilter{
		Name: q.filters["name"], Image: q.filters["image"], ProjectID: q.filters["project_id"],
		UserID: q.filters["user_id"], Host: q.filters["host"], Status: zun.Status(q.filters["status"]),
		TaskState: zun.TaskState(q.filters["task_state"]), AllProjects: q.allProjects, Page: q.page,
	}
	if text := q.filters["memory"]; text != "" {
		memory, err := strconv.ParseInt(text, 10, 64)
		if err != nil || memory <= 0 {
			q.fail("memory", text, "it must be a number of MiB")
		}
		filter.MemoryMiB = memory
	}
	if text := q.filters["auto_remove"]; text != "" {
		flag, ok := boolean(text)
		if !ok {
			q.fail("auto_remove", text, "it must be true or false")
		}
		filter.AutoRemove = &flag
	}
	if err := q.done(); err != nil {
		return reply{}, err
	}
	if err := s.mayList(c, q, "container"); err != nil {
		return reply{}, err
	}
	details, err := s.Control.ListContainers(ctx, c.grant, filter)
	if err != nil {
		return reply{}, err
	}
	list := containerList{fields: s.visibleFields(c), items: details}
	if len(details) > 0 {
		list.next = q.next(c, "containers", len(details), details[len(details)-1].ID)
	}
	return reply{status: http.StatusOK, body: list}, nil
}

// showContainer serves GET /v1/containers/{id}. Parameters it does not know are let pass.
func (s *server) showContainer(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	allProjects := p.flag("all_projects", false)
	if p.err != nil {
		return reply{}, p.err
	}
	if allProjects {
		if err := s.demand(c, "container:get_one_all_projects"); err != nil {
			return reply{}, err
		}
	}
	detail, err := s.Control.GetContainer(ctx, c.grant, c.ident(), allProjects)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: s.containerView(c, detail)}, nil
}

// deleteContainer serves DELETE /v1/containers/{id}.
func (s *server) deleteContainer(ctx context.Context, c *call) (reply, error) {
	p := c.params()
	options := zun.DeleteOptions{
		Force: p.flag("force", false), Stop: p.flag("stop", false), AllProjects: p.flag("all_projects", false),
	}
	if err := p.done(); err != nil {
		return reply{}, err
	}
	if options.Force && c.version < 7 {
		return reply{}, tooNew("force", c.version, 7)
	}
	if options.Stop && c.version < 12 {
		return reply{}, tooNew("stop", c.version, 12)
	}
	if err := s.mayDelete(c, options); err != nil {
		return reply{}, err
	}
	if err := s.Control.DeleteContainer(ctx, c.grant, c.ident(), options); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent}, nil
}

// mayDelete asks the rules of the options. As in Zun, stop wins over force, which then
// needs no rule.
func (s *server) mayDelete(c *call, options zun.DeleteOptions) error {
	if options.AllProjects {
		if err := s.demand(c, "container:delete_all_projects"); err != nil {
			return err
		}
	}
	if options.Stop {
		return s.demand(c, "container:stop")
	}
	if options.Force {
		return s.demand(c, "container:delete_force")
	}
	return nil
}
