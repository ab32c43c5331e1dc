package link

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Sysctl returns the value of a kernel setting of the Handle's namespace. The key has
// slashes, as link names may have dots: "net/ipv4/ip_forward".
func (h *Handle) Sysctl(key string) (string, error) {
	var value string
	err := h.In(func() error {
		raw, err := os.ReadFile(filepath.Join("/proc/sys", key))
		value = strings.TrimSpace(string(raw))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("cannot read the kernel setting %s: %w", key, err)
	}
	return value, nil
}

// SetSysctl sets kernel settings of the Handle's namespace, given as key, value, key,
// value, …; what has its value already is not written.
func (h *Handle) SetSysctl(keyValues ...string) error {
	return h.In(func() error {
		for i := 0; i+1 < len(keyValues); i += 2 {
			if err := writeSysctl(keyValues[i], keyValues[i+1]); err != nil {
				return fmt.Errorf("cannot set the kernel setting %s to %s: %w", keyValues[i], keyValues[i+1], err)
			}
		}
		return nil
	})
}

func writeSysctl(key, value string) error {
	path := filepath.Join("/proc/sys", key)
	have, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(have)) == value {
		return err
	}
	return os.WriteFile(path, []byte(value), 0)
}

// DisableIPv6 keeps the kernel from using IPv6 on the link. A kernel without IPv6 is no error.
func (h *Handle) DisableIPv6(name string) error {
	err := h.SetSysctl("net/ipv6/conf/"+name+"/disable_ipv6", "1")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
