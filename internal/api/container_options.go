package api

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gozun/gozun/zun"
)

// optionsOf takes the fields that need no more than their schema and their limits.
func (s *server) optionsOf(_ *call, body map[string]any, r *zun.ContainerRequest) error {
	r.Privileged, _ = boolean(body["privileged"])
	r.AutoHeal, _ = boolean(body["auto_heal"])
	r.Runtime = stringOf(body["runtime"])
	value := body["disk"]
	if value == nil {
		return nil
	}
	disk, err := wholeNumber(value)
	if err != nil || disk != 0 && (disk < s.Bounds.MinDiskGiB || disk > s.Bounds.MaxDiskGiB) {
		return invalidField("disk", value, fmt.Sprintf("it must be a number of GiB between %d and %d; leave it out for the default",
			s.Bounds.MinDiskGiB, s.Bounds.MaxDiskGiB))
	}
	if disk != 0 {
		r.DiskGiB = &disk
	}
	return nil
}

// healthcheckOf takes the health check. What Zun shows as "test" is asked for as "cmd";
// both are taken, so that what was shown can be sent again.
func healthcheckOf(_ *call, body map[string]any, r *zun.ContainerRequest) error {
	given, _ := body["healthcheck"].(map[string]any)
	if len(given) == 0 {
		return nil
	}
	check := &zun.Healthcheck{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		var err error
		switch value := given[name]; name {
		case "cmd", "test":
			err = checkCommand(name, value, check)
		case "interval":
			check.Interval, err = checkTime(name, value)
		case "timeout":
			check.Timeout, err = checkTime(name, value)
		case "retries":
			var retries int64
			retries, err = checkNumber(name, value, "it must be a number of failed checks in a row, 0 or more")
			check.Retries = int(retries)
		default:
			err = invalidField("healthcheck", name, "a health check has cmd, interval, timeout and retries")
		}
		if err != nil {
			return err
		}
	}
	if *check != (zun.Healthcheck{}) {
		r.Healthcheck = check
	}
	return nil
}

// checkCommand takes the line that a health check runs.
func checkCommand(name string, value any, check *zun.Healthcheck) error {
	line, ok := value.(string)
	switch {
	case value == nil:
		return nil
	case !ok:
		return invalidField(name, value, "it must be a line for the container's shell")
	case check.Test != "" && check.Test != line:
		return invalidField(name, value, "cmd and test are the same thing; give one")
	}
	check.Test = line
	return nil
}

// checkTime takes a time in seconds.
func checkTime(name string, value any) (time.Duration, error) {
	seconds, err := checkNumber(name, value, "it must be a number of seconds, 0 or more")
	return time.Duration(seconds) * time.Second, err
}

// checkNumber takes a number that fits in 31 bits, null being 0.
func checkNumber(name string, value any, text string) (int64, error) {
	if value == nil {
		return 0, nil
	}
	n, err := wholeNumber(value)
	if err != nil || n < 0 || n > 1<<31-1 {
		return 0, invalidField(name, value, text)
	}
	return n, nil
}

// exposedPortsOf takes the ports to expose: keys "80", "80/tcp", "53/udp". What Zun's
// clients send as their values means nothing.
func exposedPortsOf(_ *call, body map[string]any, r *zun.ContainerRequest) error {
	given, _ := body["exposed_ports"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(given)) {
		number, protocol, named := strings.Cut(key, "/")
		if !named {
			protocol = "tcp"
		}
		port, err := strconv.ParseUint(number, 10, 16)
		if err != nil || port == 0 || protocol != "tcp" && protocol != "udp" {
			return invalidField("exposed_ports", key, "a port is 1 to 65535, with /tcp or /udp after it or nothing, which is /tcp")
		}
		exposed := zun.ExposedPort{Port: uint16(port), Protocol: protocol}
		if !slices.Contains(r.ExposedPorts, exposed) {
			r.ExposedPorts = append(r.ExposedPorts, exposed)
		}
	}
	slices.SortFunc(r.ExposedPorts, zun.ExposedPort.Compare)
	return nil
}

// mountsOf takes the files to be put into the container. Errors never show a mount's
// source, which is the file's content.
func mountsOf(_ *call, body map[string]any, r *zun.ContainerRequest) error {
	list, _ := body["mounts"].([]any)
	for i, item := range list {
		fields, _ := item.(map[string]any)
		file, err := mountedFile(fields)
		if err != nil {
			return zun.Wrap(zun.CodeOf(err), err, "cannot create container: mount %d: %v", i+1, err)
		}
		r.Files = append(r.Files, file)
	}
	return nil
}

// mountedFile reads one mount, which must be a file.
func mountedFile(fields map[string]any) (zun.File, error) {
	source, sourced := fields["source"].(string)
	_, sized := fields["size"]
	file := zun.File{Destination: stringOf(fields["destination"])}
	if file.Destination == "" || !sourced && !sized {
		return file, zun.Errorf(zun.CodeSchemaValidation, "it must have a destination, and a source or a size")
	}
	switch kind := stringOf(fields["type"]); kind {
	case "bind":
	case "", "volume":
		return file, zun.Errorf(zun.CodeNotImplemented, "volumes of Cinder are not in this release; "+
			"to put a file into the container, give type \"bind\" and as source the file's content in Base64")
	default:
		return file, zun.Errorf(zun.CodeSchemaValidation, "its type is %q; it must be \"bind\" or \"volume\"", shorten(kind))
	}
	if !sourced || sized {
		return file, zun.Errorf(zun.CodeSchemaValidation, "a mount of type bind has a source, which is the file's content in Base64, and no size")
	}
	content, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(source), ""))
	if err != nil {
		return file, zun.Errorf(zun.CodeInvalid, "its source is not Base64, in which the content of a file comes")
	}
	file.Content = content
	return file, nil
}
