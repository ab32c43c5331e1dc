package link

import (
	"context"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Event tells how a link is now, or that it is gone.
type Event struct {
	Info
	Gone bool
}

// Watch sends the links that exist, and from then on every change of one, until ctx ends;
// then the channel is closed. Nothing is lost: when the kernel drops messages because the
// reader is slow, all links are read anew, and those that vanished meanwhile are told as
// gone. The same state may be told more than once.
func (h *Handle) Watch(ctx context.Context) (<-chan Event, error) {
	w := &watch{h: h, buffer: 8 << 20, out: make(chan Event), known: map[int]Info{}}
	sock, err := w.subscribe()
	if err != nil {
		return nil, err
	}
	go w.run(ctx, sock)
	return w.out, nil
}

type watch struct {
	h      *Handle
	buffer int // bytes the kernel keeps for a slow reader; 8 MiB hold a burst of some thousand links
	out    chan Event
	known  map[int]Info
}

func (w *watch) subscribe() (*nl.NetlinkSocket, error) {
	sock, err := nl.SubscribeAt(w.h.ns, netns.None(), unix.NETLINK_ROUTE, unix.RTNLGRP_LINK)
	if err != nil {
		return nil, fmt.Errorf("cannot watch links: %w", err)
	}
	if sock.SetReceiveBufferSize(w.buffer, true) != nil {
		_ = sock.SetReceiveBufferSize(w.buffer, false) // without the privilege, what the system allows
	}
	return sock, nil
}

// run takes a new socket after every loss: an overrun one drops more, without telling
// again, until its queue has been emptied.
func (w *watch) run(ctx context.Context, sock *nl.NetlinkSocket) {
	defer close(w.out)
	for again := true; again; {
		again = w.listen(ctx, sock)
		if again {
			var err error
			if sock, err = w.subscribe(); err != nil {
				return
			}
		}
	}
}

// listen tells everything once and then what changes, and whether it must be called again.
func (w *watch) listen(ctx context.Context, sock *nl.NetlinkSocket) bool {
	stop := context.AfterFunc(ctx, sock.Close)
	defer func() {
		if stop() {
			sock.Close()
		}
	}()
	return w.resync(ctx) && w.follow(ctx, sock)
}

// resync tells all links there are and forgets those that are gone. It is called after
// subscribing, so that what happens meanwhile waits in the socket.
func (w *watch) resync(ctx context.Context) bool {
	links, err := w.h.List("")
	if err != nil {
		return false // only when the namespace's sockets are closed or the kernel is out of memory
	}
	seen := make(map[int]bool, len(links))
	for _, l := range links {
		seen[l.Index] = true
		if !w.send(ctx, Event{Info: l}) {
			return false
		}
	}
	for index, l := range w.known {
		if !seen[index] && !w.send(ctx, Event{Info: l, Gone: true}) {
			return false
		}
	}
	return true
}

// follow passes messages on until the kernel says that it dropped some (true) or the
// watch is over (false).
func (w *watch) follow(ctx context.Context, sock *nl.NetlinkSocket) bool {
	for {
		msgs, _, err := sock.Receive()
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return errors.Is(err, unix.ENOBUFS)
		}
		for _, m := range msgs {
			e, ok := decode(m.Header.Type, m.Data)
			if ok && !w.send(ctx, e) {
				return false
			}
		}
	}
}

func (w *watch) send(ctx context.Context, e Event) bool {
	if e.Gone {
		delete(w.known, e.Index)
	} else {
		w.known[e.Index] = e.Info
	}
	select {
	case w.out <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

// decode reads one message. Those of the bridge family tell a bridge's view of its ports,
// and "deleted" there does not mean that the link is.
func decode(kind uint16, data []byte) (Event, bool) {
	if kind != unix.RTM_NEWLINK && kind != unix.RTM_DELLINK || len(data) < unix.SizeofIfInfomsg {
		return Event{}, false
	}
	if nl.DeserializeIfInfomsg(data).Family != unix.AF_UNSPEC {
		return Event{}, false
	}
	l, err := netlink.LinkDeserialize(&unix.NlMsghdr{Type: kind}, data)
	if err != nil {
		return Event{}, false
	}
	return Event{Info: infoOf(l), Gone: kind == unix.RTM_DELLINK}, true
}
