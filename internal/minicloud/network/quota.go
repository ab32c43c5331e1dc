package network

import (
	"net/http"
	"slices"
)

// quota is a project's limits where they differ from the defaults; its ID is the
// project's. -1 is without limit.
type quota struct {
	standard
	Limits map[string]int
}

// limited is a resource with a limit, and how many a project has.
type limited struct {
	name  string
	limit int // Neutron's default
	used  func(s *state, project string) int
}

func quotas() []limited {
	return []limited{
		{"network", 100, func(s *state, project string) int { return s.networks.perProject[project] }},
		{"subnet", 100, func(s *state, project string) int { return s.subnets.perProject[project] }},
		{"subnetpool", -1, func(s *state, project string) int { return s.pools.perProject[project] }},
		{"port", 500, func(s *state, project string) int { return s.ports.perProject[project] }},
		{"security_group", 10, func(s *state, project string) int { return s.groups.perProject[project] }},
		{"security_group_rule", 100, func(s *state, project string) int { return s.rules.perProject[project] }},
	}
}

func (s *state) limit(q limited, project string) int {
	if own, ok := s.limits.get(project); ok {
		if limit, ok := own.Limits[q.name]; ok {
			return limit
		}
	}
	if project != "" && project == s.serviceProject {
		return -1
	}
	return q.limit
}

// checkQuota refuses the count-th object of a resource if the project may not have it.
func (w *work) checkQuota(resource, project string, count int) error {
	for _, q := range quotas() {
		if limit := w.limit(q, project); q.name == resource && limit >= 0 && count > limit {
			return conflict("OverQuota", "Quota exceeded for resources: ['%s'].", resource)
		}
	}
	return nil
}

func adminRequired() *fault {
	return newFault(http.StatusForbidden, "PolicyNotAuthorized", "Only an administrator may look at or change the quotas of others.")
}

// quotaReply renders what each limit is shown as.
func quotaReply(value func(limited) any) *reply {
	body := []byte(`{"quota":{`)
	for _, q := range quotas() {
		body = appendValue(appendKey(body, q.name), value(q))
	}
	return &reply{http.StatusOK, append(body, '}', '}')}
}

func (s *Service) showQuota(req *request) (*reply, error) {
	if err := mayReadQuota(req); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return quotaReply(func(q limited) any { return s.state.limit(q, req.id) }), nil
}

func mayReadQuota(req *request) error {
	if req.id != req.who.project && !req.who.admin {
		return adminRequired()
	}
	return nil
}

func (s *Service) defaultQuota(req *request) (*reply, error) {
	if err := mayReadQuota(req); err != nil {
		return nil, err
	}
	return quotaReply(func(q limited) any { return q.limit }), nil
}

type quotaDetail struct {
	Limit    int `json:"limit"`
	Used     int `json:"used"`
	Reserved int `json:"reserved"`
}

func (s *Service) quotaDetails(req *request) (*reply, error) {
	if err := mayReadQuota(req); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return quotaReply(func(q limited) any {
		return quotaDetail{Limit: s.state.limit(q, req.id), Used: q.used(s.state, req.id)}
	}), nil
}

// whoseQuota answers the question "which project is mine" that old clients put in the
// place of a project.
func whoseQuota(req *request) (*reply, error) {
	member := appendValue([]byte(`{"tenant_id":`), req.who.project)
	member = append(appendValue(append(member, `,"project_id":`...), req.who.project), '}')
	return &reply{http.StatusOK, append(append([]byte(`{"tenant":`), member...), '}')}, nil
}

func (s *Service) listQuotas(req *request) (*reply, error) {
	if !req.who.admin {
		return nil, adminRequired()
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	body := []byte(`{"quotas":[`)
	for i, own := range s.state.limits.byAge(func(*quota) bool { return true }) {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, '{')
		body = appendValue(appendKey(body, "tenant_id"), own.ID)
		body = appendValue(appendKey(body, "project_id"), own.ID)
		for _, q := range quotas() {
			body = appendValue(appendKey(body, q.name), s.state.limit(q, own.ID))
		}
		body = append(body, '}')
	}
	return &reply{http.StatusOK, append(body, ']', '}')}, nil
}

func (s *Service) updateQuota(req *request) (*reply, error) {
	if !req.who.admin {
		return nil, adminRequired()
	}
	body, err := decodeOne(req.body, "quota")
	if err != nil {
		return nil, err
	}
	limits := map[string]int{}
	for name, raw := range body {
		known := slices.ContainsFunc(quotas(), func(q limited) bool { return q.name == name })
		if !known {
			return nil, malformed("Unrecognized attribute(s) '%s'", shown(name))
		}
		limit, err := integer(-1, 1<<31-1)(raw)
		if err != nil {
			return nil, asFault(name, err)
		}
		limits[name] = limit.(int)
	}
	err = s.change(func(w *work) error {
		after := &quota{Limits: map[string]int{}}
		w.begin(&after.standard, req.id)
		after.ID = req.id
		if before, ok := w.limits.get(req.id); ok {
			after.Created = before.Created
			for name, limit := range before.Limits {
				after.Limits[name] = limit
			}
		}
		for name, limit := range limits {
			after.Limits[name] = limit
		}
		put(w, w.limits, after)
		w.silent = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.showQuota(req)
}

func (s *Service) deleteQuota(req *request) (*reply, error) {
	if !req.who.admin {
		return nil, adminRequired()
	}
	err := s.change(func(w *work) error {
		own, ok := w.limits.get(req.id)
		if !ok {
			return notFound("TenantQuotaNotFound", "Quota for tenant %s could not be found.", shown(req.id))
		}
		erase(w, w.limits, own)
		w.silent = true
		return nil
	})
	return &reply{status: http.StatusNoContent}, err
}
