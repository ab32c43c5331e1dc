#!/usr/bin/env bash
# What only a real Keystone and Neutron can show: test-openstack.sh [BACKEND...], of linuxbridge,
# ovs and ovn; all three when none is named. One after the other is brought up (tests/openstack),
# tested, and taken down again; one that is up already stays up.
#
#   OPENSTACK_FULL=1   also what takes a real Neutron many minutes: every loss of the plugin's
#                      records, every network of the Python plugin, zun-tempest-plugin's tests at
#                      1.19 too, and on ovs and ovn what has nothing to do with wiring
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

need_packages iproute2 iptables busybox-static ca-certificates python3-neutronclient python3-openstackclient \
	python3-zunclient
need_docker "$work/dockerd.pid"
make --no-print-directory build

# What there is to a back end beyond the API is how its ports are wired.
wiring='^Test(Docker|ExistingNetwork|NewNetworkIsMade|VerbsDelivered|UsersPort|PortBoundByOthers|PortsThatAreNot|WaitForActive|W17).*'
# What people have who use OpenStack, and what Keystone says of them.
clients='^Test(OpenStack|Stock|Tempest|Heat|Horizon|Identity)'
for backend in "$@"; do
	say "A real Keystone and Neutron ($backend)"
	state=/var/tmp/gozun-openstack-$backend
	[ -f "$state/ready" ] || started=$backend
	OPENSTACK_BACKEND=$backend tests/openstack/up.sh
	export GOZUN_OPENSTACK=$state/services.env
	run=$wiring skip='^$' e2e='^TestOpenStack' e2e_skip='^$'
	if [ "$backend" = linuxbridge ]; then # whose answers minicloud gives
		say "minicloud against it ($backend)"
		go test -count=1 -timeout 30m ./tests/contract
		run=. skip='^(TestStoreLost|TestPythonsNetworks)$' e2e=$clients e2e_skip='^TestTempest$/^TestContainerLegacy'
	fi
	[ "${OPENSTACK_FULL:-0}" = 0 ] || run=. skip='^$' e2e=$clients e2e_skip='^$'
	say "the plugin's verbs on it ($backend)"
	go test -count=1 -timeout 60m -run "$run" -skip "$skip" ./internal/kuryr/libnetwork
	say "end to end on it ($backend)"
	GOZUN_E2E=1 go test -count=1 -timeout 40m -v -run "$e2e" -skip "$e2e_skip" ./tests/e2e
	[ -z "$started" ] || OPENSTACK_BACKEND=$started tests/openstack/down.sh --purge
	started=
done
