//go:build !unix

package cli

import "os"

// sizeChanges sends nothing: there is no word for it here.
func sizeChanges() (changes <-chan os.Signal, release func()) { return nil, func() {} }

// onHangup does nothing: there are no hangups here.
func onHangup(func()) (release func()) { return func() {} }
