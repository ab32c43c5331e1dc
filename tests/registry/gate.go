package registry

import (
	"bytes"
	"time"
)

// chunk is how much of a layer is sent at a time, at most.
const chunk = 32 << 10

// zeroTime tells http.ServeContent not to speak of times.
var zeroTime time.Time

// gated is a layer that is read a chunk at a time, each after its gate.
type gated struct {
	reader *bytes.Reader
	whole  int
	gate   func(sent int)
}

// Read implements io.Reader.
func (g *gated) Read(p []byte) (int, error) {
	g.gate(g.whole - g.reader.Len())
	return g.reader.Read(p[:min(len(p), chunk)])
}

// Seek implements io.Seeker.
func (g *gated) Seek(offset int64, whence int) (int64, error) { return g.reader.Seek(offset, whence) }
