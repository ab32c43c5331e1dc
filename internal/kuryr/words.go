package kuryr

import "github.com/gozun/gozun/zun"

// The names, tags and options are the Python plugin's, so that what it made is found and
// what we make is recognised (kuryr_libnetwork/constants.py).
const (
	optionNet    = "neutron.net" // + .uuid, .name: -o only
	optionShared = "neutron.net.shared"
	optionSubnet = "neutron.subnet" // + .uuid, .name
	optionPool   = "neutron.pool"   // + .uuid, .name
	optionV6     = ".v6"            // between the last two and their .uuid, .name

	tagLower        = "kuryr.net.uuid.lh:"
	tagUpper        = "kuryr.net.uuid.uh:"
	tagExistingNet  = "kuryr.net.existing:"
	tagExistingPort = "kuryr.port.existing"
	tagExistingPool = "kuryr.subnetpool.existing"
	tagInternal     = "gozun.internal:" // + beginning of a Docker id: made with --internal
	tagOwnPort      = zun.DeviceOwner
	tagIntent       = "gozun.intent:" // on a subnetpool of ours: which record it was made for
	tagHost         = "gozun.host:"   // on a subnetpool of ours: who made it

	netPrefix       = "kuryr-net-"
	subnetPrefix    = "kuryr-subnet-"
	unboundPortName = "kuryr-unbound-port"
	reservedName    = "kuryr-reserved-address"
)

// idTags returns the two tags that carry a Docker id. Neutron once limited tags to 60
// characters, hence the halves.
func idTags(dockerID string) []string {
	const half = 32
	if len(dockerID) <= half {
		return []string{tagLower + dockerID}
	}
	return []string{tagLower + dockerID[:half], tagUpper + dockerID[half:]}
}

// short returns the beginning of a Docker id.
func short(dockerID string, length int) string {
	return dockerID[:min(length, len(dockerID))]
}

// aboutNetwork and aboutPool are the descriptions of networks and subnetpools that we make.
// By them they are found when Neutron's answer got lost: not every Neutron takes tags in the
// request that makes them.
func (d *Driver) aboutNetwork(dockerID string) string {
	return "Docker network " + dockerID + " on host " + d.Host
}

func (d *Driver) aboutPool(intentID string) string {
	return "of a Docker network on host " + d.Host + ", " + tagIntent + intentID
}

func existingNetTag(dockerID string) string { return tagExistingNet + short(dockerID, 12) }

// hostTag says which host made a thing. Neutron once limited tags to 60 characters.
func hostTag(host string) string { return tagHost + short(host, 49) }

func internalTag(dockerID string) string { return tagInternal + short(dockerID, 12) }

func portName(endpointID string) string { return endpointID + "-port" }
