#!/usr/bin/env bash
# What only a real Keystone and Neutron can show: test-openstack.sh [BACKEND...], of linuxbridge,
# ovs and ovn; all three when none is named. One after the other is brought up (tests/openstack),
# tested, and taken down again; one that is up already stays up.
#
#   OPENSTACK_FULL=1   also the tests of the plugin that take a real Neutron many minutes: every
#                      loss of its records, every network of the Python plugin
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
need_root test-openstack
[ $# -gt 0 ] || set -- linuxbridge ovs ovn

work=$(mktemp -d)
started=
finish() {
	[ -z "$started" ] || OPENSTACK_BACKEND=$started tests/openstack/down.sh --purge >/dev/null
	stop_pid "$work/dockerd.pid"
	rm -rf "$work"
}
trap finish EXIT

need_packages iproute2 iptables busybox-static ca-certificates python3-neutronclient python3-openstackclient
need_docker "$work/dockerd.pid"
make --no-print-directory build

skip='^(TestStoreLost|TestPythonsNetworks)$'
[ "${OPENSTACK_FULL:-0}" = 0 ] || skip='^$'
contract=./tests/contract # is about APIs, which are the same whatever wires the ports
for backend in "$@"; do
	say "A real Keystone and Neutron ($backend)"
	state=/var/tmp/gozun-openstack-$backend
	[ -f "$state/ready" ] || started=$backend
	OPENSTACK_BACKEND=$backend tests/openstack/up.sh
	export GOZUN_OPENSTACK=$state/services.env
	say "minicloud and the plugin's verbs against it ($backend)"
	go test -count=1 -timeout 30m -skip "$skip" $contract ./internal/kuryr/libnetwork
	say "end to end on it ($backend)"
	GOZUN_E2E=1 go test -count=1 -timeout 20m -v -run '^TestOpenStack' ./tests/e2e
	contract=
	[ -z "$started" ] || OPENSTACK_BACKEND=$started tests/openstack/down.sh --purge
	started=
done
