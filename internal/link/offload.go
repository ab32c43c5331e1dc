package link

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ethtoolRequest is the kernel's struct ifreq with a pointer in it.
type ethtoolRequest struct {
	name  [unix.IFNAMSIZ]byte
	value *ethtoolValue
	_     [16]byte // the kernel copies the whole union
}

// ethtoolValue is the kernel's struct ethtool_value.
type ethtoolValue struct{ command, data uint32 }

// SetTxChecksum says whether what leaves by the link may have unfinished checksums, for
// others to finish. Off also switches segmentation offload off, as the kernel cannot do
// that without. The setting stays with the link when it moves to another namespace. A link
// that knows no such setting is no error.
func (h *Handle) SetTxChecksum(name string, on bool) error {
	value := ethtoolValue{command: unix.ETHTOOL_STXCSUM}
	if on {
		value.data = 1
	}
	if err := h.ethtool(name, &value); err != nil && !errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("cannot set the checksum offload of %s: %w", name, err)
	}
	return nil
}

// TxChecksum tells whether what leaves by the link may have unfinished checksums.
func (h *Handle) TxChecksum(name string) (bool, error) {
	value := ethtoolValue{command: unix.ETHTOOL_GTXCSUM}
	if err := h.ethtool(name, &value); err != nil {
		return false, fmt.Errorf("cannot read the checksum offload of %s: %w", name, err)
	}
	return value.data != 0, nil
}

func (h *Handle) ethtool(name string, value *ethtoolValue) error {
	if len(name) > MaxName {
		return unix.ENODEV
	}
	return h.In(func() error {
		sock, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer func() { _ = unix.Close(sock) }()
		request := ethtoolRequest{value: value}
		copy(request.name[:], name)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(sock), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
		runtime.KeepAlive(value)
		if errno != 0 {
			return errno
		}
		return nil
	})
}
