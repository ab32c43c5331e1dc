package libnetwork

import (
	"net/netip"
	"strings"

	"github.com/gozun/gozun/internal/kuryr"
	"github.com/gozun/gozun/zun"
)

// The bodies that we read; what we do not use of them is not named. Lists and maps may be
// null.

type poolRequest struct {
	Pool    string
	SubPool string
	Options map[string]string
	V6      bool
}

type poolID struct{ PoolID string }

type addressRequest struct {
	PoolID  string
	Address string
	Options map[string]string
}

type ipamData struct {
	Pool         string
	Gateway      string
	AuxAddresses map[string]string // name to CIDR
}

type networkRequest struct {
	NetworkID string
	Options   map[string]any
	IPv4Data  []ipamData
	IPv6Data  []ipamData
}

type allocateRequest struct {
	NetworkID string
	Options   map[string]string
}

type endpointRequest struct {
	NetworkID  string
	EndpointID string
	Interface  *endpointInterface
	Options    map[string]any
}

type endpointInterface struct {
	Address     string `json:",omitempty"`
	AddressIPv6 string `json:",omitempty"`
	MacAddress  string `json:",omitempty"`
}

// exposeRequest has Docker's lists of exposed and of published ports; of the latter the
// container's side counts.
type exposeRequest struct {
	NetworkID  string
	EndpointID string
	Options    struct {
		Exposed   []exposedPort `json:"com.docker.network.endpoint.exposedports"`
		Published []exposedPort `json:"com.docker.network.portmap"`
	}
}

type exposedPort struct {
	Proto uint8
	Port  uint16
}

// The bodies that we write.

type activateAnswer struct{ Implements []string }

type networkCapabilities struct {
	Scope, ConnectivityScope string
	GwAllocChecker           bool // since Docker 28; older ones do not look
}

type gatewayCheck struct{ SkipIPv4, SkipIPv6 bool }

type ipamCapabilities struct{ RequiresMACAddress bool }

type spacesAnswer struct{ LocalDefaultAddressSpace, GlobalDefaultAddressSpace string }

type poolAnswer struct {
	PoolID string
	Pool   string
	Data   map[string]string `json:",omitempty"`
}

type addressAnswer struct{ Address string }

type optionsAnswer struct{ Options map[string]string }

type endpointAnswer struct{ Interface endpointInterface }

type infoAnswer struct{ Value map[string]string }

type joinAnswer struct {
	InterfaceName         interfaceName
	Gateway               string        `json:",omitempty"`
	GatewayIPv6           string        `json:",omitempty"`
	StaticRoutes          []staticRoute `json:",omitempty"`
	DisableGatewayService bool
}

type interfaceName struct{ SrcName, DstPrefix string }

type staticRoute struct {
	Destination string
	RouteType   int // 0: by NextHop
	NextHop     string
}

// Docker's own option keys.
const (
	keyGeneric     = "com.docker.network.generic"
	keyInternal    = "com.docker.network.internal"
	keyGateway     = "com.docker.network.gateway"
	keyMAC         = "com.docker.network.endpoint.macaddress"
	keyAddressType = "RequestAddressType"
)

// dockerID checks an id of Docker's: 64 hexadecimal digits, or Swarm's 25 of [0-9a-z].
func dockerID(kind, id string) error {
	const longest = 64
	bad := id == "" || len(id) > longest || strings.ContainsFunc(id, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
	if bad {
		return zun.Errorf(zun.CodeInvalid, "%s is %q, which is no id of Docker's", kind, id)
	}
	return nil
}

// prefix reads an optional CIDR; "" is the zero Prefix.
func prefix(field, text string) (netip.Prefix, error) {
	if text == "" {
		return netip.Prefix{}, nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return netip.Prefix{}, zun.Errorf(zun.CodeInvalid, "%s is %q, which is not a CIDR", field, text)
	}
	return p, nil
}

// address reads an optional IP, with or without a prefix length.
func address(field, text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	bare, _, _ := strings.Cut(text, "/")
	ip, err := netip.ParseAddr(bare)
	if err != nil || ip.Zone() != "" {
		return netip.Addr{}, zun.Errorf(zun.CodeInvalid, "%s is %q, which is not an IP address", field, text)
	}
	return ip.Unmap(), nil
}

func (r poolRequest) decode() (q kuryr.PoolRequest, err error) {
	q.Options, q.V6 = r.Options, r.V6
	if q.CIDR, err = prefix("Pool", r.Pool); err != nil {
		return q, err
	}
	if q.Range, err = prefix("SubPool", r.SubPool); err != nil {
		return q, err
	}
	if q.Range.IsValid() && (!q.CIDR.IsValid() || !q.CIDR.Contains(q.Range.Addr()) || q.Range.Bits() < q.CIDR.Bits()) {
		return q, zun.Errorf(zun.CodeInvalid, "SubPool %s is not within Pool %q", r.SubPool, r.Pool)
	}
	if q.V6 && q.CIDR.IsValid() && q.CIDR.Addr().Is4() {
		return q, zun.Errorf(zun.CodeInvalid, "Pool %s is not IPv6", r.Pool)
	}
	return q, nil
}

func (r addressRequest) decode() (q kuryr.AddressRequest, err error) {
	q.PoolID = r.PoolID
	if q.PoolID == "" {
		return q, zun.Errorf(zun.CodeInvalid, "PoolID is missing")
	}
	if q.IP, err = address("Address", r.Address); err != nil {
		return q, err
	}
	q.Gateway = r.Options[keyAddressType] == keyGateway
	q.MAC, err = mac(r.Options[keyMAC])
	return q, err
}

func (r networkRequest) decode() (q kuryr.NetworkRequest, err error) {
	if err := dockerID("NetworkID", r.NetworkID); err != nil {
		return q, err
	}
	q.ID = r.NetworkID
	q.Options = texts(r.Options[keyGeneric])
	q.Internal, _ = r.Options[keyInternal].(bool)
	for _, data := range append(append([]ipamData{}, r.IPv4Data...), r.IPv6Data...) {
		one, err := data.decode()
		if err != nil {
			return q, err
		}
		q.Ranges = append(q.Ranges, one)
	}
	return q, nil
}

// texts reads a map of options, ignoring what is not text.
func texts(raw any) map[string]string {
	options := map[string]string{}
	generic, _ := raw.(map[string]any)
	for key, value := range generic {
		if text, ok := value.(string); ok {
			options[key] = text
		}
	}
	return options
}

func (d ipamData) decode() (r kuryr.Range, err error) {
	if r.CIDR, err = prefix("Pool", d.Pool); err != nil {
		return r, err
	}
	if !r.CIDR.IsValid() {
		return r, zun.Errorf(zun.CodeInvalid, "a network's Pool is missing")
	}
	r.CIDR = r.CIDR.Masked()
	if r.Gateway, err = prefix("Gateway", d.Gateway); err != nil {
		return r, err
	}
	for name, text := range d.AuxAddresses {
		ip, err := address("auxiliary address "+name, text)
		if err != nil {
			return r, err
		}
		if ip.IsValid() {
			r.Auxiliary = append(r.Auxiliary, ip)
		}
	}
	return r, nil
}

func (r endpointRequest) ids() error {
	if err := dockerID("NetworkID", r.NetworkID); err != nil {
		return err
	}
	return dockerID("EndpointID", r.EndpointID)
}

func (r endpointRequest) decode() (q kuryr.EndpointRequest, err error) {
	if err := r.ids(); err != nil {
		return q, err
	}
	q.NetworkID, q.EndpointID = r.NetworkID, r.EndpointID
	if q.Options, err = driverOptions(r.Options); err != nil {
		return q, err
	}
	if r.Interface == nil {
		return q, nil
	}
	for _, text := range []string{r.Interface.Address, r.Interface.AddressIPv6} {
		p, err := prefix("interface address", text)
		if err != nil {
			return q, err
		}
		if p.IsValid() {
			q.Addresses = append(q.Addresses, p)
		}
	}
	q.MAC, err = mac(r.Interface.MacAddress)
	return q, err
}

// driverOptions picks out the driver's own options, which stand among Docker's.
func driverOptions(raw map[string]any) (map[string]string, error) {
	options := map[string]string{}
	for key, value := range raw {
		if !strings.HasPrefix(key, "neutron.") {
			continue
		}
		text, ok := value.(string)
		if !ok {
			return nil, zun.Errorf(zun.CodeInvalid, "endpoint option %s is not a text", key)
		}
		options[key] = text
	}
	return options, nil
}

func (r exposeRequest) ports() (all []kuryr.Exposed) {
	for _, list := range [][]exposedPort{r.Options.Exposed, r.Options.Published} {
		for _, p := range list {
			all = append(all, kuryr.Exposed{Protocol: p.Proto, Port: p.Port})
		}
	}
	return all
}

func answerPool(a kuryr.PoolAnswer) poolAnswer {
	answer := poolAnswer{PoolID: a.ID, Pool: a.CIDR.String()}
	if a.Gateway.IsValid() {
		answer.Data = map[string]string{keyGateway: a.Gateway.String()}
	}
	return answer
}

func answerJoin(j kuryr.Joined) joinAnswer {
	answer := joinAnswer{
		InterfaceName: interfaceName{SrcName: j.Link, DstPrefix: j.Prefix},
		// Without this Docker adds a bridge of its own for the way out.
		DisableGatewayService: true,
	}
	if j.Gateway[0].IsValid() {
		answer.Gateway = j.Gateway[0].String()
	}
	if j.Gateway[1].IsValid() {
		answer.GatewayIPv6 = j.Gateway[1].String()
	}
	for _, r := range j.Routes {
		answer.StaticRoutes = append(answer.StaticRoutes, staticRoute{Destination: r.Destination.String(), NextHop: r.NextHop.String()})
	}
	return answer
}
