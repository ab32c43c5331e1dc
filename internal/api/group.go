package api

import "context"

// addSecurityGroup serves POST /v1/containers/{id}/add_security_group up to 1.14.
func (s *server) addSecurityGroup(ctx context.Context, c *call) (reply, error) {
	group, err := groupOf(c)
	if err != nil {
		return reply{}, err
	}
	return accepted(), s.Control.AddSecurityGroup(ctx, c.grant, c.ident(), group)
}

// removeSecurityGroup serves POST /v1/containers/{id}/remove_security_group up to 1.14.
func (s *server) removeSecurityGroup(ctx context.Context, c *call) (reply, error) {
	group, err := groupOf(c)
	if err != nil {
		return reply{}, err
	}
	return accepted(), s.Control.RemoveSecurityGroup(ctx, c.grant, c.ident(), group)
}

// groupOf takes the name or UUID of a security group.
func groupOf(c *call) (string, error) {
	p := c.params()
	group := p.required("name")
	if len(group) > 255 {
		p.fail("name", group, "it must have 1 to 255 characters")
	}
	return group, c.needBody(p.done())
}
