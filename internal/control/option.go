package control

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gozun/gozun/zun"
)

// The bounds of options that no operator chooses.
const (
	maxFiles        = 64        // of one container
	maxFileBytes    = 512 << 10 // of all files of one container together
	maxCheckTime    = 24 * time.Hour
	maxCheckRetries = 1000
)

// runtimeForm keeps paths out, which Docker would take for programs of the host.
var runtimeForm = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// checkOptions refuses options that no host could grant.
func (s *Service) checkOptions(r zun.ContainerRequest) error {
	if r.DiskGiB != nil && (*r.DiskGiB < s.Bounds.MinDiskGiB || *r.DiskGiB > s.Bounds.MaxDiskGiB) {
		return zun.Errorf(zun.CodeInvalid, "cannot create a container with a disk of %d GiB: it may have %d to %d", *r.DiskGiB, s.Bounds.MinDiskGiB, s.Bounds.MaxDiskGiB)
	}
	if r.Runtime != "" && (len(r.Runtime) > maxName || !runtimeForm.MatchString(r.Runtime)) {
		return zun.Errorf(zun.CodeInvalid, "cannot create a container with runtime %q: a runtime is the name that Docker has for it, like runc", r.Runtime)
	}
	if len(r.ExposedPorts) > 0 && len(r.SecurityGroups) > 0 {
		return zun.Errorf(zun.CodeInvalid, "cannot create a container with both security groups and exposed ports: "+
			"exposed ports get a security group of their own; choose one")
	}
	for _, port := range r.ExposedPorts {
		if port.Port == 0 || port.Protocol != "tcp" && port.Protocol != "udp" {
			return zun.Errorf(zun.CodeInvalid, "cannot expose port %s: it is 1 to 65535, of tcp or udp", port)
		}
	}
	if err := checkHealthcheck(r.Healthcheck); err != nil {
		return err
	}
	return checkFiles(r.Files)
}

// checkHealthcheck refuses what Docker refuses, and numbers that nobody means.
func checkHealthcheck(h *zun.Healthcheck) error {
	if h == nil {
		return nil
	}
	for name, d := range map[string]time.Duration{"interval": h.Interval, "timeout": h.Timeout} {
		if d < 0 || d > maxCheckTime || d != 0 && d < time.Millisecond {
			return zun.Errorf(zun.CodeInvalid, "cannot create a container whose health check has the %s %s: it may have 1 second to %s", name, d, maxCheckTime)
		}
	}
	if h.Retries < 0 || h.Retries > maxCheckRetries {
		return zun.Errorf(zun.CodeInvalid, "cannot create a container whose health check has %d retries: it may have 0 to %d", h.Retries, maxCheckRetries)
	}
	if strings.ContainsRune(h.Test, 0) {
		return zun.Errorf(zun.CodeInvalid, "cannot create a container: the health check holds a NUL character")
	}
	return nil
}

// checkFiles refuses files that are too many or too big, and places where a file cannot be.
// Nothing of what they hold is in the errors.
func checkFiles(files []zun.File) error {
	if len(files) > maxFiles {
		return zun.Errorf(zun.CodeInvalid, "cannot put %d files into a container: it may have %d", len(files), maxFiles)
	}
	size, seen := 0, []string{}
	for _, file := range files {
		if err := checkDestination(file.Destination); err != nil {
			return err
		}
		for _, other := range seen {
			if other == file.Destination || within(other, file.Destination) || within(file.Destination, other) {
				return zun.Errorf(zun.CodeInvalid, "cannot put files at both %s and %s of a container: one is in the place of the other", other, file.Destination)
			}
		}
		seen = append(seen, file.Destination)
		size += len(file.Content)
	}
	if size > maxFileBytes {
		return zun.Errorf(zun.CodeInvalid, "cannot put %d bytes into the files of a container: together they may have %d", size, maxFileBytes)
	}
	return nil
}

// checkDestination refuses what is no place for a file. In /proc and /sys Docker would hide
// the kernel's own files, and in /dev devices, behind it.
func checkDestination(destination string) error {
	const text = "cannot put a file at %q of a container: %s"
	switch names := strings.Split(destination, "/"); {
	case !path.IsAbs(destination), destination == "/":
		return zun.Errorf(zun.CodeInvalid, text, short(destination), "it is a path from the root, like /etc/app.conf")
	case path.Clean(destination) != destination:
		return zun.Errorf(zun.CodeInvalid, text, short(destination), "write it without . and .. and double slashes, and with the file's name at its end")
	case len(destination) >= 4096 || slices.ContainsFunc(names, func(name string) bool { return len(name) > 255 }):
		return zun.Errorf(zun.CodeInvalid, text, short(destination), "it is too long")
	case strings.ContainsRune(destination, 0):
		return zun.Errorf(zun.CodeInvalid, text, short(destination), "it holds a NUL character")
	}
	for _, kernels := range []string{"/proc", "/sys", "/dev"} {
		if destination == kernels || within(kernels, destination) {
			return zun.Errorf(zun.CodeInvalid, text, short(destination), kernels+" is the kernel's")
		}
	}
	return nil
}

// within reports whether a path is below a directory.
func within(directory, path string) bool { return strings.HasPrefix(path, directory+"/") }

// short keeps what a user sent from filling an error.
func short(text string) string {
	if len(text) <= 120 {
		return text
	}
	return strings.ToValidUTF8(text[:120], "") + "…"
}
