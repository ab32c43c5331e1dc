package control

import (
	"context"

	"github.com/gozun/gozun/internal/policy"
	"github.com/gozun/gozun/zun"
)

func todo() error { return zun.Errorf(zun.CodeNotImplemented, "not implemented yet") }

func (s *Service) CreateContainer(ctx context.Context, g policy.Grant, request zun.ContainerRequest) (zun.ContainerDetail, error) {
	return zun.ContainerDetail{}, todo()
}

func (s *Service) ListContainers(ctx context.Context, g policy.Grant, filter zun.ContainerFilter) ([]zun.ContainerDetail, error) {
	return nil, todo()
}

func (s *Service) GetContainer(ctx context.Context, g policy.Grant, ref string, allProjects bool) (zun.ContainerDetail, error) {
	return zun.ContainerDetail{}, todo()
}

func (s *Service) DeleteContainer(ctx context.Context, g policy.Grant, ref string, options zun.DeleteOptions) error {
	return todo()
}

func (s *Service) StartContainer(ctx context.Context, g policy.Grant, ref string) error {
	return todo()
}

func (s *Service) StopContainer(ctx context.Context, g policy.Grant, ref string, timeout *int) error {
	return todo()
}

func (s *Service) RebootContainer(ctx context.Context, g policy.Grant, ref string, timeout *int) error {
	return todo()
}

func (s *Service) KillContainer(ctx context.Context, g policy.Grant, ref, signal string) error {
	return todo()
}

func (s *Service) Logs(ctx context.Context, g policy.Grant, ref string, options zun.LogsOptions) (string, error) {
	return "", todo()
}

func (s *Service) Execute(ctx context.Context, g policy.Grant, ref string, command []string) (zun.ExecResult, error) {
	return zun.ExecResult{}, todo()
}

func (s *Service) NetworksOf(ctx context.Context, g policy.Grant, ref string) ([]zun.AttachedNetwork, error) {
	return nil, todo()
}

func (s *Service) AttachNetwork(ctx context.Context, g policy.Grant, ref string, net zun.NetRequest, ownNetworks bool) error {
	return todo()
}

func (s *Service) DetachNetwork(ctx context.Context, g policy.Grant, ref string, net zun.NetRequest, ownNetworks bool) error {
	return todo()
}

func (s *Service) Actions(ctx context.Context, g policy.Grant, ref string) ([]zun.Action, error) {
	return nil, todo()
}

func (s *Service) Action(ctx context.Context, g policy.Grant, ref, requestID string) (zun.Action, []zun.Event, error) {
	return zun.Action{}, nil, todo()
}

func (s *Service) CreateNetwork(ctx context.Context, g policy.Grant, request zun.NetworkRequest) (zun.NetworkDetail, error) {
	return zun.NetworkDetail{}, todo()
}

func (s *Service) ListNetworks(ctx context.Context, g policy.Grant, filter zun.NetworkFilter) ([]zun.NetworkDetail, error) {
	return nil, todo()
}

func (s *Service) GetNetwork(ctx context.Context, g policy.Grant, ref string) (zun.NetworkDetail, error) {
	return zun.NetworkDetail{}, todo()
}

func (s *Service) DeleteNetwork(ctx context.Context, g policy.Grant, ref string) error { return todo() }

func (s *Service) CreateNeutronHandle(ctx context.Context, g policy.Grant, name, neutronNetID string) (zun.NetworkDetail, error) {
	return zun.NetworkDetail{}, todo()
}

func (s *Service) DeleteNeutronHandle(ctx context.Context, g policy.Grant, neutronNetID string) error {
	return todo()
}

func (s *Service) StageBegan(ctx context.Context, event zun.Event) error        { return todo() }
func (s *Service) StageEnded(ctx context.Context, event zun.Event) error        { return todo() }
func (s *Service) Plugged(ctx context.Context, attachment zun.Attachment) error { return todo() }
func (s *Service) Finished(ctx context.Context, actionID int64, outcome zun.Outcome) error {
	return todo()
}
func (s *Service) Observed(ctx context.Context, observation zun.Observation) error { return todo() }
func (s *Service) Containers(ctx context.Context, host string) ([]zun.Order, error) {
	return nil, todo()
}
