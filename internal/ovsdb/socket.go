package ovsdb

import (
	"path/filepath"
	"strings"
)

// Socket returns the place of Open vSwitch's database socket. configured wins and may be a
// path or "unix:path"; then the directory of OVS_RUNDIR, as for ovs-vsctl; then where
// packages put it.
func Socket(configured string, getenv func(string) string) string {
	if configured != "" {
		return strings.TrimPrefix(configured, "unix:")
	}
	if dir := getenv("OVS_RUNDIR"); dir != "" {
		return filepath.Join(dir, "db.sock")
	}
	return "/var/run/openvswitch/db.sock"
}
