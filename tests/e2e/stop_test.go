package e2e

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stops lets a test kill a process with SIGKILL at one exact step of its work: steps are
// counted wherever they show, in proxies and in system calls, and the chosen one kills.
type stops struct {
	mu   sync.Mutex
	seen int
	at   int // negative: nowhere
	hit  string
	kill func() // returns when the process is gone
	dead chan struct{}
}

// arm chooses the n-th step from now on; negative: none.
func (s *stops) arm(n int, kill func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.at, s.hit, s.kill, s.dead = 0, n, "", kill, make(chan struct{})
}

// disarm returns the step that killed; "" if none did.
func (s *stops) disarm() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = -1
	return s.hit
}

// died is closed when a step has killed.
func (s *stops) died() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dead
}

// step counts one step and tells whether the process was killed at it.
func (s *stops) step(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	if s.at < 0 || s.seen != s.at+1 {
		return false
	}
	s.hit = name
	s.kill()
	close(s.dead)
	return true
}

// watchedEnv makes the test program start another program under watch, see watched.
const watchedEnv = "GOZUN_E2E_WATCHED"

// watched returns a command whose system calls that flush to the disk, or change links, wait
// until the stops have counted them. It works without any help of the program: a seccomp
// filter, inherited from the test program started anew, asks about them. Whoever starts the
// command closes its ExtraFiles then.
func (s *stops) watched(tb testing.TB, name string, args ...string) *exec.Cmd {
	tb.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		tb.Fatal(err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "watch")
	ours := os.NewFile(uintptr(pair[0]), "watch")
	command := exec.Command("/proc/self/exe", append([]string{name}, args...)...)
	command.Env = append(os.Environ(), watchedEnv+"=1")
	command.ExtraFiles = []*os.File{theirs}
	go func() {
		defer ours.Close()
		conn, err := net.FileConn(ours)
		if err != nil {
			return
		}
		defer conn.Close()
		if asked, err := receiveFile(conn.(*net.UnixConn)); err == nil {
			defer unix.Close(asked)
			s.answer(asked)
		}
	}()
	return command
}

func receiveFile(conn *net.UnixConn) (int, error) {
	rights := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(make([]byte, 1), rights)
	if err != nil {
		return 0, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return 0, fmt.Errorf("got %d control messages: %w", len(messages), err)
	}
	files, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return 0, err
	}
	return files[0], nil
}

// notice is the kernel's struct seccomp_notif, and reply its struct seccomp_notif_resp.
type notice struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type reply struct {
	id           uint64
	value        int64
	errno, flags int32
}

// The kernel's SECCOMP_IOCTL_NOTIF_RECV, _SEND and SECCOMP_USER_NOTIF_FLAG_CONTINUE.
const (
	noticeReceive = 3<<30 | 80<<16 | '!'<<8
	noticeSend    = 3<<30 | 24<<16 | '!'<<8 | 1
	noticePass    = 1
)

// answer lets system calls pass as they are counted, until the process is gone.
func (s *stops) answer(asked int) {
	for {
		ready := []unix.PollFd{{Fd: int32(asked), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err == unix.EINTR {
			continue
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			return
		}
		var n notice
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(asked), noticeReceive, uintptr(unsafe.Pointer(&n))); errno != 0 {
			continue // killed meanwhile
		}
		if name := n.step(); name != "" {
			s.step(name)
		}
		r := reply{id: n.id, flags: noticePass}
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(asked), noticeSend, uintptr(unsafe.Pointer(&r)))
	}
}

// step names what is about to be done; "" is of no interest.
func (n notice) step() string {
	if n.nr == unix.SYS_FDATASYNC {
		return "writing to the disk"
	}
	memory, err := os.Open(fmt.Sprintf("/proc/%d/mem", n.pid))
	if err != nil {
		return ""
	}
	defer memory.Close()
	header := make([]byte, unix.SizeofNlMsghdr)
	if _, err := memory.ReadAt(header, int64(n.args[1])); err != nil {
		return ""
	}
	switch binary.NativeEndian.Uint16(header[4:]) {
	case unix.RTM_NEWLINK, unix.RTM_SETLINK:
		return "changing a link"
	case unix.RTM_DELLINK:
		return "removing a link"
	}
	return ""
}

// runWatched is the test program started anew: it installs the filter, hands over the file
// that tells of system calls, and becomes the program of its arguments.
func runWatched() error {
	runtime.LockOSThread() // the filter is this thread's, and so is what comes of it
	program, err := exec.LookPath(os.Args[1])
	if err != nil {
		return err
	}
	asks := func(call, next uint32) []unix.SockFilter {
		return []unix.SockFilter{
			{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 0, Jf: 1, K: call},
			{Code: unix.BPF_RET | unix.BPF_K, K: next},
		}
	}
	code := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}}
	code = append(code, asks(unix.SYS_FDATASYNC, unix.SECCOMP_RET_USER_NOTIF)...)
	code = append(code, asks(unix.SYS_SENDTO, unix.SECCOMP_RET_USER_NOTIF)...)
	code = append(code, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	filter := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	asked, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&filter)))
	if errno != 0 {
		return fmt.Errorf("cannot watch system calls: %w", errno)
	}
	const watch = 3
	if err := unix.Sendmsg(watch, []byte{0}, unix.UnixRights(int(asked)), nil, 0); err != nil {
		return fmt.Errorf("cannot hand over the watch: %w", err)
	}
	unix.CloseOnExec(int(asked))
	unix.CloseOnExec(watch)
	environment := os.Environ()[:0]
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, watchedEnv+"=") {
			environment = append(environment, variable)
		}
	}
	return syscall.Exec(program, os.Args[1:], environment)
}
