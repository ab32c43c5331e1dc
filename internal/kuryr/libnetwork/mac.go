package libnetwork

import (
	"net"

	"github.com/gozun/gozun/zun"
)

// mac reads an optional MAC and spells it as Neutron does.
func mac(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	const ethernet = 6
	hw, err := net.ParseMAC(text)
	if err != nil || len(hw) != ethernet {
		return "", zun.Errorf(zun.CodeInvalid, "MAC address is %q, which is not one", text)
	}
	return hw.String(), nil
}
