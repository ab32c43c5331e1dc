package docker

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/gozun/gozun/zun"
)

// readable returns the part of an engine's message that means something to a user: what
// Docker, containerd, runc and the plugin protocol wrap around it is left out.
func readable(text string) string {
	text = strings.NewReplacer(
		"Error response from daemon: ", "",
		"failed to create shim task: ", "", "failed to create task for container: ", "", "failed to start shim: ", "",
		"OCI runtime create failed: ", "", "OCI runtime exec failed: ", "", "OCI runtime start failed: ", "",
		"runc create failed: ", "", "runc start failed: ", "", "exec failed: ", "",
		"unable to start container process: ", "", "error during container init: ", "",
		"NetworkDriver.CreateNetwork: ", "", "NetworkDriver.CreateEndpoint: ", "", "NetworkDriver.Join: ", "",
		"IpamDriver.RequestPool: ", "", "IpamDriver.RequestAddress: ", "",
	).Replace(strings.TrimSpace(text))
	return withoutMount(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), ": unknown")))
}

// mounting is how runc begins to tell of a file that could not be mounted.
var mounting = regexp.MustCompile(`(?s)^.*mounting "[^"]*" to rootfs at "([^"]*)".*$`)

// withoutMount says of a file that could not be put into a container where that was, and
// not where on the host the file is.
func withoutMount(text string) string {
	place := mounting.FindStringSubmatch(text)
	switch {
	case place == nil:
		return text
	case strings.Contains(text, "not a directory"), strings.Contains(text, "is a directory"):
		return "there is no place for a file at " + place[1] + ": the image has a directory there, or a file where a directory is to be"
	}
	return "no file can be put at " + place[1]
}

// codeOf tells what class of failure an error of the client is.
func codeOf(err error) zun.Code {
	switch {
	case client.IsErrConnectionFailed(err), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return zun.CodeUnavailable
	case errdefs.IsNotFound(err):
		return zun.CodeNotFound
	case errdefs.IsConflict(err), errdefs.IsAlreadyExists(err):
		return zun.CodeConflict
	case errdefs.IsInvalidArgument(err):
		return zun.CodeInvalid
	}
	return zun.CodeInternal
}

// failure turns an error of the client into ours; doing says what was tried, "start
// container <id>". A cancelled context is returned as it is: nobody is left to tell.
func (c *Client) failure(err error, doing string) error {
	code := codeOf(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return zun.Wrap(code, err, "cannot %s: Docker Engine on host %s did not answer in time", doing, c.host)
	case code == zun.CodeUnavailable:
		return zun.Wrap(code, err, "cannot %s: Docker Engine on host %s does not answer", doing, c.host)
	}
	return zun.Wrap(code, err, "cannot %s: %s", doing, readable(err.Error()))
}
