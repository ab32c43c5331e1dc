//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// sizeChanges sends whenever the terminal's size changes, until release is called.
func sizeChanges() (changes <-chan os.Signal, release func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGWINCH)
	return signals, func() { signal.Stop(signals) }
}

// onHangup calls f instead of ending the program when its terminal goes away, or somebody
// sends SIGHUP for another reason; it would leave the terminal as nobody can use it.
func onHangup(f func()) (release func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return func() {}
	}
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		select {
		case <-signals:
			f()
		case <-done:
		}
	}()
	return func() { signal.Stop(signals); close(done) }
}
