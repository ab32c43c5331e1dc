package link

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Handle does its work in one network namespace. It is safe for concurrent use.
type Handle struct {
	name string // "" is the namespace it was opened in
	ns   netns.NsHandle
	nl   *netlink.Handle
}

// Open returns a Handle on the namespace of that name (as `ip netns` lists them), or, for
// "", on the namespace of the calling thread. Close it after use.
func Open(namespace string) (*Handle, error) {
	ns, err := openNamespace(namespace)
	if err != nil {
		return nil, fmt.Errorf("cannot open network namespace %q: %w", namespace, err)
	}
	nl, err := netlink.NewHandleAt(ns)
	if err != nil {
		_ = ns.Close()
		return nil, fmt.Errorf("cannot open netlink in namespace %q: %w", namespace, err)
	}
	// A kernel that does not answer must not hold a caller for ever.
	if err := nl.SetSocketTimeout(30 * time.Second); err != nil {
		nl.Close()
		_ = ns.Close()
		return nil, fmt.Errorf("cannot bound netlink's time in namespace %q: %w", namespace, err)
	}
	return &Handle{name: namespace, ns: ns, nl: nl}, nil
}

func openNamespace(name string) (netns.NsHandle, error) {
	if name == "" {
		return netns.Get()
	}
	return netns.GetFromName(name)
}

// Close gives the Handle's sockets and its hold on the namespace back.
func (h *Handle) Close() {
	h.nl.Close()
	_ = h.ns.Close()
}

// Namespace returns the name the Handle was opened with.
func (h *Handle) Namespace() string { return h.name }

// FD returns the namespace's file descriptor, valid until Close.
func (h *Handle) FD() int { return int(h.ns) }

// In calls f on an operating system thread that is in the Handle's namespace. f must not
// start goroutines that rely on it; a child process it starts is born in the namespace.
func (h *Handle) In(f func() error) error {
	done := make(chan error, 1)
	go func() { done <- h.in(f) }()
	return <-done
}

// in leaves its thread locked, and so to die with the goroutine, when it cannot be moved
// back: nobody else may find themselves in a foreign namespace.
func (h *Handle) in(f func() error) error {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("cannot find the current network namespace: %w", err)
	}
	defer func() { _ = home.Close() }()
	if err := netns.Set(h.ns); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("cannot enter network namespace %q: %w", h.name, err)
	}
	err = f()
	if netns.Set(home) == nil {
		runtime.UnlockOSThread()
	}
	return err
}

// dump repeats a listing that a change in the kernel interrupted: half a list is no list.
func dump[T any](list func() ([]T, error)) ([]T, error) {
	const attempts = 10
	for i := 0; ; i++ {
		found, err := list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) || i == attempts-1 {
			return found, err
		}
	}
}
