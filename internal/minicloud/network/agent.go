package network

import (
	"net/http"

	"github.com/google/uuid"
)

// agent is this host as Neutron's administrators and tools know hosts.
type agent struct {
	ID             string         `json:"id"`
	Type           string         `json:"agent_type"`
	Binary         string         `json:"binary"`
	Host           string         `json:"host"`
	Alive          bool           `json:"alive"`
	AdminUp        bool           `json:"admin_state_up"`
	Zone           *string        `json:"availability_zone"`
	Topic          string         `json:"topic"`
	Description    *string        `json:"description"`
	Created        string         `json:"created_at"`
	Started        string         `json:"started_at"`
	Heartbeat      string         `json:"heartbeat_timestamp"`
	Configurations map[string]any `json:"configurations"`
}

// agent describes the data plane of this process: it is alive because it answers.
func (s *Service) agent() agent {
	now := s.cfg.Now().UTC().Format("2006-01-02 15:04:05")
	return agent{
		ID:   uuid.NewSHA1(uuid.NameSpaceDNS, []byte("gozun.agent."+s.cfg.Host)).String(),
		Type: "Linux bridge agent", Binary: "zund", Host: s.cfg.Host, Alive: true, AdminUp: true,
		Topic: "N/A", Created: now, Started: now, Heartbeat: now, Configurations: map[string]any{},
	}
}

func (s *Service) listAgents(req *request) (*reply, error) {
	agents := []agent{}
	if a := s.agent(); req.who.admin && agentMatches(a, req.query) {
		agents = append(agents, a)
	}
	return jsonReply(http.StatusOK, map[string]any{"agents": agents}), nil
}

func agentMatches(a agent, query map[string][]string) bool {
	known := map[string]string{"id": a.ID, "agent_type": a.Type, "host": a.Host, "binary": a.Binary, "alive": "true", "admin_state_up": "true"}
	for name, wanted := range query {
		value, ok := known[name]
		if ok && len(wanted) > 0 && !equalFold(wanted, value) {
			return false
		}
	}
	return true
}

func (s *Service) showAgent(req *request) (*reply, error) {
	a := s.agent()
	if !req.who.admin || req.id != a.ID {
		return nil, notFound("AgentNotFound", "Agent %s could not be found.", shown(req.id))
	}
	return jsonReply(http.StatusOK, map[string]any{"agent": a}), nil
}
