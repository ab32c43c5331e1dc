package kuryr

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/gozun/gozun/zun"
)

// reference names a Neutron resource as a user does; the uuid wins. The zero reference
// names nothing.
type reference struct {
	ID   string
	Name string
}

func (r reference) given() bool { return r != reference{} }

// String returns what the user wrote.
func (r reference) String() string {
	if r.ID != "" {
		return r.ID
	}
	return r.Name
}

func (r reference) query() zun.NeutronQuery {
	if r.ID != "" {
		return zun.NeutronQuery{ID: r.ID}
	}
	return zun.NeutronQuery{Name: r.Name}
}

// options are what users may say with -o and --ipam-opt.
type options struct {
	Net    reference
	Subnet [2]reference // IPv4, IPv6
	Pool   [2]reference
	Shared *bool
}

// family is the place of a version's options.
func family(v6 bool) int {
	if v6 {
		return 1
	}
	return 0
}

// parseOptions reads the options whose keys begin with "neutron."; others belong to
// somebody else. An unknown one is refused, because a misspelt uuid option would
// otherwise make a new network. CodeInvalid.
func parseOptions(raw map[string]string) (options, error) {
	var o options
	into := map[string]*reference{
		optionNet: &o.Net, optionSubnet: &o.Subnet[0], optionSubnet + optionV6: &o.Subnet[1],
		optionPool: &o.Pool[0], optionPool + optionV6: &o.Pool[1],
	}
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		value := raw[key]
		if !strings.HasPrefix(key, "neutron.") || value == "" {
			continue
		}
		if key == optionShared {
			shared, err := parseBool(key, value)
			if err != nil {
				return o, err
			}
			o.Shared = &shared
			continue
		}
		if err := o.take(into, key, value); err != nil {
			return o, err
		}
	}
	return o, nil
}

func (o *options) take(into map[string]*reference, key, value string) error {
	dot := strings.LastIndexByte(key, '.')
	target, known := into[key[:dot]]
	switch kind := key[dot:]; {
	case known && kind == ".name":
		target.Name = value
	case known && kind == ".uuid":
		id, err := uuid.Parse(value)
		if err != nil {
			return zun.Errorf(zun.CodeInvalid, "option %s is %q, which is not a uuid", key, value)
		}
		target.ID = id.String()
	default:
		return zun.Errorf(zun.CodeInvalid, "option %s is not known; there are %s, and neutron.{net,subnet,subnet.v6,pool,pool.v6}.{uuid,name}", key, optionShared)
	}
	return nil
}

// parseBool reads a boolean as the Python plugin does.
func parseBool(option, value string) (bool, error) {
	switch strings.ToLower(value) {
	case "1", "t", "true", "on", "y", "yes":
		return true, nil
	case "0", "f", "false", "off", "n", "no":
		return false, nil
	}
	return false, zun.Errorf(zun.CodeInvalid, "option %s is %q; it is true or false", option, value)
}
