package kuryr

import (
	"net/netip"
	"time"

	"github.com/gozun/gozun/internal/kv"
	"github.com/gozun/gozun/zun"
)

// The buckets of kuryr.db.
const (
	pools     kv.Bucket[pool]     = "pools"     // by pool id
	intents   kv.Bucket[intent]   = "intents"   // by intent id: subnetpools being made
	networks  kv.Bucket[network]  = "networks"  // by Docker network id
	claims    kv.Bucket[claim]    = "claims"    // by claim id
	endpoints kv.Bucket[endpoint] = "endpoints" // by Docker endpoint id
	addresses kv.Bucket[string]   = "addresses" // by pool id and IP: the claim
	unasked   kv.Bucket[string]   = "unasked"   // by subnet id and IP: the claim, of addresses that Docker does not know yet
	macs      kv.Bucket[string]   = "macs"      // by Neutron network and MAC: the claim that has no endpoint yet
)

// pool is a subnet that Docker networks use, or are about to make and use.
type pool struct {
	ID           string
	CIDR         netip.Prefix
	Subnet       zun.NeutronSubnet // zero until it is known or made
	SubnetpoolID string            // "" if there is none
	MadePool     bool              // the subnetpool is ours
	Named        bool              // the user named the subnet or the subnetpool
	Shared       bool
	Refs         int       // RequestPool's less ReleasePool's
	Networks     []string  // Docker networks on it
	PortProject  string    // project that ports on it belong to; "" is our own
	TouchedAt    time.Time // last RequestPool
	Adopted      bool      // rebuilt from what Neutron tells
}

// there reports whether the subnet exists.
func (p pool) there() bool { return p.Subnet.ID != "" }

func (p pool) v6() bool { return p.CIDR.Addr().Is6() }

// unused reports whether nobody needs the pool any more.
func (p pool) unused() bool { return p.Refs <= 0 && len(p.Networks) == 0 }

// intent is a subnetpool of ours that no pool record stands for: one that we asked for and
// whose uuid we do not know yet, or one that turned out needless.
type intent struct {
	ID     string
	Name   string
	PoolID string // known, and only to be deleted
	At     time.Time
}

// stage is where a record is in its life.
type stage string

const (
	stageMaking   stage = "making"
	stageReady    stage = "ready"
	stageRemoving stage = "removing"
)

// network is a Docker network of ours.
type network struct {
	ID          string // Docker's
	Stage       stage
	NeutronID   string // "" while it is being made
	Name        string // of the Neutron network, while it is being made
	MTU         int
	Internal    bool
	PortProject string // project that ports on it belong to; "" is our own
	MadeNetwork bool
	MadeSubnets []wantedSubnet
	MadePools   []string // subnetpools of ours that subnets are out of which we took over
	Tagged      bool     // tags of ours are on a network that is not ours
	Pools       []string
	At          time.Time

	Adopted       bool     // rebuilt from what Neutron tells
	TaggedSubnets []tagged // tags of the Python plugin on subnets that are not ours
	TaggedPools   []string // subnetpools that have its tag
}

// wantedSubnet is a subnet of ours, its ID empty until it is made.
type wantedSubnet struct {
	ID   string
	CIDR netip.Prefix
}

// claim is what one endpoint, made or in the making, holds.
type claim struct {
	ID         string
	MAC        string // "" if Docker gave none
	NetworkID  string // Neutron's
	ProjectID  string // that a port of ours is to belong to; "" is our own
	Addresses  []held
	Port       port
	EndpointID string // "" before CreateEndpoint and after DeleteEndpoint
	Reserved   bool   // an auxiliary address: no endpoint will come
	Spare      bool   // nobody has asked for any of its addresses yet
	Wishes     wishes // of the endpoint's user
	Named      bool   // a port of ours has its endpoint's name already
	Adopted    bool   // rebuilt from what Neutron tells
	Unplugged  bool   // DeleteEndpoint was here
	Exposed    *exposure
	OwesName   bool // the endpoint's name and tags are not on the port yet
	At         time.Time
}

// held is one address of a claim.
type held struct {
	PoolID   string // "" while Docker does not know the address
	SubnetID string
	IP       netip.Addr
	Bits     int
}

func (h held) prefix() netip.Prefix { return netip.PrefixFrom(h.IP, h.Bits) }

// in returns the claim's address out of a pool.
func (c claim) in(poolID string) (held, bool) {
	for _, h := range c.Addresses {
		if h.PoolID == poolID {
			return h, true
		}
	}
	return held{}, false
}

// holding says by what right a claim has its port.
type holding string

const (
	holdingNone   holding = ""       // there is no port yet
	holdingMade   holding = "made"   // ours: deleted at the end
	holdingTaken  holding = "taken"  // a user's: given back as it was
	holdingHanded holding = "handed" // bound by someone else for this endpoint: not touched
)

// port is what a claim knows of its Neutron port.
type port struct {
	Holding    holding
	Stage      stage
	ID         string // "" while it is being made
	DeviceID   string // that it was made with, by which it is found after a crash
	MAC        string
	VIFType    string
	VIFDetails map[string]any
	ProjectID  string
	NoSecurity bool     // its port security is off: groups mean nothing
	Before     before   // taken: what to give back
	Unbound    bool     // taken: we may have unbound it for a moment
	Tagged     []string // tags of ours on it; made: from the beginning
	Steps      []step   // giving back: what is left to do
}

// step is one part of giving a port back.
type step struct {
	Change *zun.PortChange // nil: done
	Untag  []string
}

// endpoint is a Docker endpoint of ours.
type endpoint struct {
	ID        string
	NetworkID string // Docker's
	ClaimID   string
	Plugged   bool
	Joined    bool
	Leaving   bool // an unplug failed and is owed
	At        time.Time
}

// index is the way to find the claim that has an address.
func (h held) index() (bucket kv.Bucket[string], key string) {
	if h.PoolID == "" {
		return unasked, addressKey(h.SubnetID, h.IP)
	}
	return addresses, addressKey(h.PoolID, h.IP)
}

func addressKey(poolID string, ip netip.Addr) string { return poolID + "/" + ip.String() }

func macKey(neutronNetID, mac string) string { return neutronNetID + "/" + mac }

// putClaim writes a claim with the ways to find it.
func putClaim(tx *kv.Tx, c claim) error {
	for _, h := range c.Addresses {
		bucket, key := h.index()
		if bucket == unasked && !h.IP.IsValid() { // Neutron has not chosen it yet
			continue
		}
		if err := bucket.Put(tx, key, c.ID); err != nil {
			return err
		}
	}
	if err := indexMAC(tx, c); err != nil {
		return err
	}
	return claims.Put(tx, c.ID, c)
}

func indexMAC(tx *kv.Tx, c claim) error {
	if c.MAC == "" || c.NetworkID == "" {
		return nil
	}
	key := macKey(c.NetworkID, c.MAC)
	if c.EndpointID == "" && c.Port.Stage != stageRemoving {
		return macs.Put(tx, key, c.ID)
	}
	if id, found, err := macs.Get(tx, key); err != nil || !found || id != c.ID {
		return err
	}
	return macs.Delete(tx, key)
}

// unindexClaim takes away the ways to find a claim, but not the claim.
func unindexClaim(tx *kv.Tx, c claim) error {
	for _, h := range c.Addresses {
		bucket, key := h.index()
		if id, found, err := bucket.Get(tx, key); err != nil || !found || id != c.ID {
			continue
		}
		if err := bucket.Delete(tx, key); err != nil {
			return err
		}
	}
	c.Port.Stage = stageRemoving
	return indexMAC(tx, c)
}

// replaceClaim writes a claim that had other addresses before, or others that were asked for.
func replaceClaim(tx *kv.Tx, former, c claim) error {
	if err := unindexClaim(tx, former); err != nil {
		return err
	}
	return putClaim(tx, c)
}

// dropClaim removes a claim and the ways to find it.
func dropClaim(tx *kv.Tx, c claim) error {
	if err := unindexClaim(tx, c); err != nil {
		return err
	}
	return claims.Delete(tx, c.ID)
}
