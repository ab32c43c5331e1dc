package libnetwork

import (
	"context"
	"net/netip"

	"github.com/gozun/gozun/zun"
)

// Prefix and Addr are netip's.
type (
	Prefix = netip.Prefix
	Addr   = netip.Addr
)

// verbs is the protocol: one line for each path.
func verbs(d Driver, o Options) map[string]verb {
	v := &speaker{d, o}
	return map[string]verb{
		"/Plugin.Activate": say(activateAnswer{Implements: []string{"NetworkDriver", "IpamDriver"}}),

		"/NetworkDriver.GetCapabilities":             say(networkCapabilities{Scope: d.Scope(), ConnectivityScope: d.Scope(), GwAllocChecker: true}),
		"/NetworkDriver.GwAllocCheck":                v.checkGateway,
		"/NetworkDriver.DiscoverNew":                 say(nil),
		"/NetworkDriver.DiscoverDelete":              say(nil),
		"/NetworkDriver.AllocateNetwork":             v.allocateNetwork,
		"/NetworkDriver.FreeNetwork":                 say(nil),
		"/NetworkDriver.CreateNetwork":               v.createNetwork,
		"/NetworkDriver.DeleteNetwork":               v.deleteNetwork,
		"/NetworkDriver.CreateEndpoint":              v.createEndpoint,
		"/NetworkDriver.DeleteEndpoint":              v.deleteEndpoint,
		"/NetworkDriver.EndpointOperInfo":            v.endpointInfo,
		"/NetworkDriver.Join":                        v.join,
		"/NetworkDriver.Leave":                       v.leave,
		"/NetworkDriver.ProgramExternalConnectivity": v.expose,
		"/NetworkDriver.RevokeExternalConnectivity":  v.conceal,

		"/IpamDriver.GetCapabilities":         say(ipamCapabilities{RequiresMACAddress: !d.ChoosesMACs()}),
		"/IpamDriver.GetDefaultAddressSpaces": say(spacesAnswer{o.AddressSpace, o.AddressSpace}),
		"/IpamDriver.RequestPool":             v.requestPool,
		"/IpamDriver.ReleasePool":             v.releasePool,
		"/IpamDriver.RequestAddress":          v.requestAddress,
		"/IpamDriver.ReleaseAddress":          v.releaseAddress,
	}
}

// say is a verb that never reads its body and always answers the same.
func say(answer any) verb {
	return func(context.Context, []byte) (any, error) { return answer, nil }
}

// speaker translates between bodies and the driver.
type speaker struct {
	Driver
	Options
}

func (s *speaker) allocateNetwork(_ context.Context, body []byte) (any, error) {
	r, err := decode[allocateRequest](body)
	return optionsAnswer{r.Options}, err
}

// checkGateway tells Docker 28 and later, which ask before any pool is requested, whether to
// ask for gateways: networks without a way out have none.
func (s *speaker) checkGateway(_ context.Context, body []byte) (any, error) {
	r, err := decode[networkRequest](body)
	internal, _ := r.Options[keyInternal].(bool)
	return gatewayCheck{SkipIPv4: internal, SkipIPv6: internal}, err
}

func (s *speaker) createNetwork(ctx context.Context, body []byte) (any, error) {
	raw, err := decode[networkRequest](body)
	if err != nil {
		return nil, err
	}
	r, err := raw.decode()
	if err != nil {
		return nil, err
	}
	return nil, s.CreateNetwork(ctx, r)
}

func (s *speaker) deleteNetwork(ctx context.Context, body []byte) (any, error) {
	r, err := decode[networkRequest](body)
	if err == nil {
		err = dockerID("NetworkID", r.NetworkID)
	}
	if err != nil {
		return nil, err
	}
	return nil, s.DeleteNetwork(ctx, r.NetworkID)
}

func (s *speaker) createEndpoint(ctx context.Context, body []byte) (any, error) {
	raw, err := decode[endpointRequest](body)
	if err != nil {
		return nil, err
	}
	r, err := raw.decode()
	if err != nil {
		return nil, err
	}
	mac, err := s.CreateEndpoint(ctx, r)
	return endpointAnswer{endpointInterface{MacAddress: mac}}, err
}

// endpointOf reads a body that names an endpoint.
func endpointOf(body []byte) (endpointRequest, error) {
	r, err := decode[endpointRequest](body)
	if err == nil {
		err = r.ids()
	}
	return r, err
}

func (s *speaker) deleteEndpoint(ctx context.Context, body []byte) (any, error) {
	r, err := endpointOf(body)
	if err != nil {
		return nil, err
	}
	return nil, s.DeleteEndpoint(ctx, r.NetworkID, r.EndpointID)
}

func (s *speaker) endpointInfo(ctx context.Context, body []byte) (any, error) {
	r, err := endpointOf(body)
	if err != nil {
		return nil, err
	}
	info, err := s.EndpointInfo(ctx, r.EndpointID)
	return infoAnswer{info}, err
}

func (s *speaker) join(ctx context.Context, body []byte) (any, error) {
	r, err := endpointOf(body)
	if err != nil {
		return nil, err
	}
	joined, err := s.Join(ctx, r.NetworkID, r.EndpointID)
	return answerJoin(joined), err
}

func (s *speaker) leave(ctx context.Context, body []byte) (any, error) {
	r, err := endpointOf(body)
	if err != nil {
		return nil, err
	}
	return nil, s.Leave(ctx, r.NetworkID, r.EndpointID)
}

func (s *speaker) expose(ctx context.Context, body []byte) (any, error) {
	raw, err := decode[exposeRequest](body)
	if err == nil {
		err = endpointRequest{NetworkID: raw.NetworkID, EndpointID: raw.EndpointID}.ids()
	}
	if err != nil {
		return nil, err
	}
	return nil, s.Expose(ctx, raw.NetworkID, raw.EndpointID, raw.ports())
}

func (s *speaker) conceal(ctx context.Context, body []byte) (any, error) {
	r, err := endpointOf(body)
	if err != nil {
		return nil, err
	}
	return nil, s.Conceal(ctx, r.NetworkID, r.EndpointID)
}

func (s *speaker) requestPool(ctx context.Context, body []byte) (any, error) {
	raw, err := decode[poolRequest](body)
	if err != nil {
		return nil, err
	}
	r, err := raw.decode()
	if err != nil {
		return nil, err
	}
	answer, err := s.RequestPool(ctx, r)
	return answerPool(answer), err
}

func (s *speaker) releasePool(ctx context.Context, body []byte) (any, error) {
	r, err := decode[poolID](body)
	if err == nil && r.PoolID == "" {
		err = zun.Errorf(zun.CodeInvalid, "PoolID is missing")
	}
	if err != nil {
		return nil, err
	}
	return nil, s.ReleasePool(ctx, r.PoolID)
}

func (s *speaker) requestAddress(ctx context.Context, body []byte) (any, error) {
	raw, err := decode[addressRequest](body)
	if err != nil {
		return nil, err
	}
	r, err := raw.decode()
	if err != nil {
		return nil, err
	}
	granted, err := s.RequestAddress(ctx, r)
	if err != nil {
		return nil, err
	}
	return addressAnswer{granted.String()}, nil
}

func (s *speaker) releaseAddress(ctx context.Context, body []byte) (any, error) {
	raw, err := decode[addressRequest](body)
	if err != nil {
		return nil, err
	}
	r, err := raw.decode()
	if err != nil || !r.IP.IsValid() {
		return nil, err
	}
	return nil, s.ReleaseAddress(ctx, r.PoolID, r.IP)
}
