package link

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

const namespaceDir = "/run/netns" // where `ip netns` looks too

// EnsureNamespace makes the named network namespace unless a live one of that name exists,
// and brings its loopback up.
func EnsureNamespace(name string) error {
	if !namespaceLives(name) {
		if err := removeNamespaceFile(name); err != nil {
			return fmt.Errorf("cannot replace dead network namespace %s: %w", name, err)
		}
		if err := newNamespace(name); err != nil {
			return fmt.Errorf("cannot make network namespace %s: %w", name, err)
		}
	}
	h, err := Open(name)
	if err != nil {
		return err
	}
	defer h.Close()
	return h.SetUp("lo")
}

// namespaceLives tells a mounted namespace from the empty file that a crash, or a reboot
// with a persistent /run, leaves behind.
func namespaceLives(name string) bool {
	var st unix.Statfs_t
	if err := unix.Statfs(filepath.Join(namespaceDir, name), &st); err != nil {
		return false
	}
	return st.Type == unix.NSFS_MAGIC
}

// newNamespace works on a thread of its own, which is given up when it cannot go home.
func newNamespace(name string) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := netns.Get()
		if err != nil {
			runtime.UnlockOSThread()
			done <- err
			return
		}
		made, err := netns.NewNamed(name)
		if err == nil {
			_ = made.Close()
		}
		if netns.Set(home) == nil {
			runtime.UnlockOSThread()
		}
		_ = home.Close()
		done <- err
	}()
	return <-done
}

// DeleteNamespace removes the name of a network namespace; the kernel destroys it and the
// links in it when nobody is left inside. One that does not exist is no error.
func DeleteNamespace(name string) error {
	if err := removeNamespaceFile(name); err != nil {
		return fmt.Errorf("cannot delete network namespace %s: %w", name, err)
	}
	return nil
}

func removeNamespaceFile(name string) error {
	path := filepath.Join(namespaceDir, name)
	err := unix.Unmount(path, unix.MNT_DETACH)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Namespaces returns the names of the network namespaces that begin with prefix, sorted.
func Namespaces(prefix string) ([]string, error) {
	entries, err := os.ReadDir(namespaceDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list network namespaces: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
