#!/usr/bin/env bash
# The main job on one machine: a tenant network, and containers on it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
need_root demo

state=${GOZUN_STATE_DIR:-/var/lib/gozun}
run=${GOZUN_DEMO_DIR:-$PWD/.demo}
mkdir -p "$run"

need_docker "$run/dockerd.pid"

say "Building bin/zun, bin/neutron, bin/zund and bin/kuryr-libnetwork"
make --no-print-directory -s build
PATH=$PWD/bin:$PATH

if zund status --state-dir "$state" >/dev/null 2>&1; then
	say "zund solo is already running on $state"
else
	say "Starting zund solo in the background (state: $state, log: $run/zund.log)"
	neutron_links >"$run/links.before"
	setsid bin/zund solo --state-dir "$state" >"$run/zund.log" 2>&1 </dev/null &
	echo $! >"$run/zund.pid"
	if ! zund status --state-dir "$state" --wait 30s; then
		tail -n 20 "$run/zund.log" >&2
		die "zund did not become ready"
	fi
fi

# An image of that name that is here already is yours, and is used as it is.
if ! docker image inspect nginx:latest >/dev/null 2>&1; then
	say "Making a small web server image on the spot, with no registry, and calling it nginx"
	tests/image/make-image.sh nginx:latest
fi
docker image inspect gozun-demo:latest >/dev/null 2>&1 || tests/image/make-image.sh gozun-demo:latest

# shellcheck disable=SC1091
. "$state/openrc"

run() {
	printf '\n\033[1m$ %s\033[0m\n' "$*"
	"$@"
}

leftover=$(zun network-list -f value -c name 2>/dev/null | grep -x foo || true)
[ -z "$leftover" ] || die "the network foo is still there from an earlier demo. Try: make demo-down"

say "The workflow, as user demo of project demo"
run neutron net-create testnet
run neutron subnetpool-create --pool-prefix 10.2.0.0/16 testpool
run neutron subnet-create --subnetpool testpool --name testsubnet testnet 10.2.0.0/24
run zun network-create --neutron-net testnet --neutron-pool testpool --neutron-subnet testsubnet foo
run zun run --wait --net=foo --name web nginx
address=$(zun show web -f json | sed -n 's/.*"addr": *"\([0-9.]*\)".*/\1/p' | head -n 1)
[ -n "$address" ] || die "web has no address"

say "A second container on the same network fetches a page from the first, $address"
run zun run --wait --net=foo --name client gozun-demo sleep 1000000
run zun exec client fetch "http://$address/"

run zun list
run zun show web
run zun network-list
run zun network-show foo

say "Delete the second container; the first runs on"
run zun delete --stop --wait client
run zun list

say "The short form, for people who have no network yet: made and deleted"
run zun network-create bar --subnet 10.3.0.0/24
run zun run --wait --net=bar --name shortlived nginx
run zun delete --stop --wait shortlived
run zun network-delete bar
run zun network-list

cat <<EOF

It all still runs. Try next, in a shell that has read the credentials:

    export PATH=$PWD/bin:\$PATH; . $state/openrc
    zun logs web
    zun network-create baz --subnet 10.4.0.0/24 && zun run --net=baz nginx
    zun delete --stop --wait web && zun network-delete foo
    zun action-list web
    docker network ls --filter driver=kuryr
    openstack --os-cloud gozun network list       (python3-openstackclient; OS_CLIENT_CONFIG_FILE=$state/clouds.yaml)

make demo-down removes all of it.
EOF
