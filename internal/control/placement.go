package control

import (
	"cmp"
	"context"
	"slices"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/internal/scheduler"
	"github.com/gozun/gozun/zun"
)

// placement checks what a user asks of the host, and returns it with containers by UUID.
// CodeRequestedHostNotFound: there is no host of that name; CodeInvalid: a container in a
// hint is not there, or several have its name.
func (s *Service) placement(ctx context.Context, g policy.Grant, asked zun.Placement) (zun.Placement, error) {
	if asked.Host != "" {
		if err := s.may(g, "container:create:requested_destination", nil); err != nil {
			return zun.Placement{}, err
		}
		_, connected := s.Nodes.Node(asked.Host) // it may not have been heard of yet
		_, err := s.Store.Service(ctx, asked.Host, zun.BinaryCompute)
		if zun.IsNotFound(err) && !connected {
			return zun.Placement{}, zun.Errorf(zun.CodeRequestedHostNotFound, "Requested host %s could not be found.", asked.Host)
		}
		if err != nil && !zun.IsNotFound(err) {
			return zun.Placement{}, err
		}
	}
	asked.AvailabilityZone = cmp.Or(asked.AvailabilityZone, s.ScheduleZone)
	var err error
	if asked.SameHost, err = s.peers(ctx, g, "same_host", asked.SameHost); err != nil {
		return zun.Placement{}, err
	}
	asked.DifferentHost, err = s.peers(ctx, g, "different_host", asked.DifferentHost)
	return asked, err
}

// peers returns the UUIDs of the containers that a hint names.
func (s *Service) peers(ctx context.Context, g policy.Grant, hint string, refs []string) ([]string, error) {
	var ids []string
	for _, ref := range refs {
		c, err := s.container(ctx, g, ref, false)
		if code := zun.CodeOf(err); code.Status() < 500 && err != nil {
			return nil, zun.Errorf(zun.CodeInvalid, "cannot create a container with the hint %s: %s", hint, err.Error())
		}
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ids, c.ID) {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

// choose picks a host for a container by what is recorded and what the hosts said last.
// CodeUnavailable: there is none, and why. errWait: it is not settled yet where a
// container will be that a hint names.
func (s *Service) choose(ctx context.Context, c zun.Container, input zun.ActionInput) (string, error) {
	asked := input.Placement
	request := scheduler.Request{
		What: "container " + c.ID, CPU: c.CPU, MemoryMiB: c.MemoryMiB, DiskGiB: askedDisk(c, input), Runtime: c.Runtime,
		Zone: asked.AvailabilityZone, Host: asked.Host, Labels: asked.Labels,
	}
	var err error
	if request.SameHost, err = s.places(ctx, asked.SameHost); err != nil {
		return "", err
	}
	if request.DifferentHost, err = s.places(ctx, asked.DifferentHost); err != nil {
		return "", err
	}
	candidates, err := s.candidates(ctx)
	if err != nil {
		return "", err
	}
	return scheduler.Pick(request, candidates, s.rules())
}

// places tells where containers are. Those that are gone are left out, but one of none is
// kept as a peer that is nowhere: a hint does not lapse with what it names.
func (s *Service) places(ctx context.Context, ids []string) ([]scheduler.Peer, error) {
	peers := make([]scheduler.Peer, len(ids))
	for i, id := range ids {
		c, err := s.Store.Container(ctx, id)
		if err != nil && !zun.IsNotFound(err) {
			return nil, err
		}
		if err == nil && c.Host == "" && c.Status == zun.StatusCreating {
			return nil, errWait
		}
		peers[i] = scheduler.Peer{ID: id, Host: c.Host}
	}
	return peers, nil
}

// candidates returns the hosts that are recorded or connected.
func (s *Service) candidates(ctx context.Context) ([]scheduler.Candidate, error) {
	hosts, err := s.hostDetails(ctx)
	if err != nil {
		return nil, err
	}
	services, err := s.services(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]*scheduler.Candidate{}
	var candidates []*scheduler.Candidate
	candidate := func(name string) *scheduler.Candidate {
		if known[name] == nil {
			known[name] = &scheduler.Candidate{Host: zun.Host{Name: name}}
			candidates = append(candidates, known[name])
		}
		return known[name]
	}
	for _, name := range s.Nodes.Names() {
		candidate(name)
	}
	for _, host := range hosts {
		c := candidate(host.Name)
		c.Host, c.Usage = host.Host, host.Usage
	}
	for _, service := range services {
		candidate(service.Host).Service = service
	}
	wrong := s.wrongs()
	result := make([]scheduler.Candidate, len(candidates))
	for i, c := range candidates {
		c.Wrong = wrong(c.Host.Name)
		result[i] = *c
	}
	return result, nil
}

// rules are the operator's choices for placing.
func (s *Service) rules() scheduler.Rules {
	return scheduler.Rules{
		Now: s.Now(), DownAfter: s.HostDownAfter,
		CPURatio: s.CPURatio, MemoryRatio: s.MemoryRatio, DiskRatio: s.DiskRatio,
		ReservedCPUs: s.ReservedCPUs, ReservedMemoryMiB: s.ReservedMemoryMiB, ReservedDiskGiB: s.ReservedDiskGiB,
	}
}
