package identity

// ProjectID returns the id of the project of that name, "" if there is none.
func (s *Service) ProjectID(name string) string {
	var found project
	s.state.read(func() { found, _ = s.state.projectByName(name) })
	return found.ID
}

// Lookups by name. Names are few and unique; a walk is fast enough. The caller holds the
// state still.

func (st *state) userByName(name string) (user, bool) {
	return oneOf(st.users.rows, func(u user) bool { return u.Name == name })
}

func (st *state) projectByName(name string) (project, bool) {
	return oneOf(st.projects.rows, func(p project) bool { return p.Name == name })
}

func (st *state) roleByName(name string) (role, bool) {
	return oneOf(st.roles.rows, func(r role) bool { return r.Name == name })
}

func (st *state) serviceByType(kind string) (catalogService, bool) {
	return oneOf(st.services.rows, func(s catalogService) bool { return s.Type == kind })
}

func oneOf[T any](rows map[string]T, match func(T) bool) (T, bool) {
	for _, row := range rows {
		if match(row) {
			return row, true
		}
	}
	var none T
	return none, false
}
