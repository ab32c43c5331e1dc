package client

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/gozun/gozun/zun"
)

// Version is an API microversion. The zero Version is "not known".
type Version struct{ Major, Minor int }

// The versions that this package cares about.
var (
	// Newest is the highest microversion that this client speaks.
	Newest = Version{1, 41}
	// OwnNetworks is the first with networks of a project's own and stages of actions.
	OwnNetworks = Version{1, 41}
)

// ParseVersion reads "1.41".
func ParseVersion(s string) (Version, error) {
	major, minor, found := strings.Cut(s, ".")
	m, err1 := strconv.Atoi(major)
	n, err2 := strconv.Atoi(minor)
	if !found || err1 != nil || err2 != nil || m < 0 || n < 0 {
		return Version{}, zun.Errorf(zun.CodeInvalid, "%q is not an API version, which looks like 1.41", s)
	}
	return Version{m, n}, nil
}

// String returns "1.41".
func (v Version) String() string { return fmt.Sprintf("%d.%d", v.Major, v.Minor) }

// AtLeast reports whether v is w or newer.
func (v Version) AtLeast(w Version) bool {
	return v.Major > w.Major || v.Major == w.Major && v.Minor >= w.Minor
}

// ServiceVersion is one entry of the service's version list (GET /).
type ServiceVersion struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	MinVersion string `json:"min_version"`
	MaxVersion string `json:"max_version"`
}

// ListVersions asks the service which versions it speaks. It needs no token.
func (c *Client) ListVersions(ctx context.Context) ([]ServiceVersion, error) {
	base, err := c.base(ctx)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Versions []ServiceVersion `json:"versions"`
	}
	root := base[:strings.LastIndex(base, "/v1")] + "/"
	if _, err := c.send(ctx, request{method: "GET", url: root, public: true}, &answer); err != nil {
		return nil, err
	}
	if len(answer.Versions) == 0 {
		return nil, zun.Errorf(zun.CodeUnavailable,
			"cannot agree on an API version: %s does not answer as a container service does", root)
	}
	return answer.Versions, nil
}

// Version returns the microversion that the calls use: the pinned one, or the highest
// that both sides speak.
func (c *Client) Version(ctx context.Context) (Version, error) {
	if c.config.Microversion != "" {
		return ParseVersion(c.config.Microversion)
	}
	c.mu.Lock()
	known := c.version
	c.mu.Unlock()
	if known != (Version{}) {
		return known, nil
	}
	return c.negotiate(ctx)
}

// negotiate may run twice at the same time; both find the same.
func (c *Client) negotiate(ctx context.Context) (Version, error) {
	offered, err := c.ListVersions(ctx)
	if err != nil {
		return Version{}, err
	}
	chosen, err := choose(offered)
	if err != nil {
		return Version{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version = chosen
	return chosen, nil
}

func choose(offered []ServiceVersion) (Version, error) {
	current := offered[0]
	for _, v := range offered {
		if v.Status == "CURRENT" {
			current = v
		}
	}
	highest, err := ParseVersion(current.MaxVersion)
	if err != nil {
		return Version{}, zun.Wrap(zun.CodeNotAcceptable, err, "cannot agree on an API version: the service's highest is %q", current.MaxVersion)
	}
	if highest.Major != Newest.Major {
		return Version{}, zun.Errorf(zun.CodeNotAcceptable, "cannot agree on an API version: the service speaks %s, this client %s", highest, Newest)
	}
	if highest.AtLeast(Newest) {
		return Newest, nil
	}
	return highest, nil
}

// need returns a CodeNotAcceptable error when the version in use is older than least.
func (c *Client) need(ctx context.Context, least Version, what string) error {
	version, err := c.Version(ctx)
	if err != nil || version.AtLeast(least) {
		return err
	}
	why := "this service or the version asked for stops before it"
	if least == OwnNetworks {
		why = "networks of a project's own are gozun's, an upstream Zun does not have them"
	}
	return zun.Errorf(zun.CodeNotAcceptable, "cannot %s: it needs API version %s and %s is in use; %s", what, least, version, why)
}
