package zun

import (
	"cmp"
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

// Healthcheck is how Docker finds out whether a container does its work. Zero fields are
// the image's, or else Docker's.
type Healthcheck struct {
	Test     string        `json:"test"` // a line for the container's shell; it exits with 0 when all is well
	Interval time.Duration `json:"interval,omitempty"`
	Timeout  time.Duration `json:"timeout,omitempty"`
	Retries  int           `json:"retries,omitempty"` // so many failures in a row make it unhealthy
}

// ReasonUnhealthy begins the status reason of a container that runs and is not well; it
// goes when the container gets well.
const ReasonUnhealthy = "its health check fails"

// ExposedPort is a port of a container that everybody may reach.
type ExposedPort struct {
	Port     uint16 `json:"port"`
	Protocol string `json:"protocol"` // "tcp" or "udp"
}

// String writes the port as Docker does, "80/tcp".
func (p ExposedPort) String() string {
	return strconv.Itoa(int(p.Port)) + "/" + p.Protocol
}

// Compare orders ports by protocol, then number.
func (p ExposedPort) Compare(other ExposedPort) int {
	return cmp.Or(cmp.Compare(p.Protocol, other.Protocol), cmp.Compare(p.Port, other.Port))
}

// File is a file that is put into a container. What it holds is a secret: it is never part
// of what a File prints or logs of itself.
type File struct {
	ID          string // UUID
	Destination string // where it is in the container, a clean path from the root
	Content     []byte
}

// String says what the file is, without its content.
func (f File) String() string { return fmt.Sprintf("%s (%d bytes)", f.Destination, len(f.Content)) }

// GoString is String, so that %#v keeps the secret too.
func (f File) GoString() string { return f.String() }

// LogValue is String for logs.
func (f File) LogValue() slog.Value { return slog.StringValue(f.String()) }
