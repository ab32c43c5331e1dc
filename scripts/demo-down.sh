#!/usr/bin/env bash
# Removes all that `make demo` left running, and checks that nothing of ours remains.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
need_root demo-down

state=${GOZUN_STATE_DIR:-/var/lib/gozun}
run=${GOZUN_DEMO_DIR:-$PWD/.demo}
[ -x bin/zund ] || make --no-print-directory -s build

if [ -f "$run/zund.pid" ]; then
	say "Stopping zund"
	stop_pid "$run/zund.pid"
fi

if [ -d "$state" ]; then
	need_docker "$run/dockerd.pid"
	say "Removing containers, Docker networks, bridges, namespaces and firewall rules of ours, and $state"
	bin/zund purge --yes --state-dir "$state"
fi

if command -v docker >/dev/null && docker_answers; then
	images=$(docker image ls --quiet --filter label=org.gozun.demo | sort -u)
	# shellcheck disable=SC2086
	[ -z "$images" ] || docker image rm --force $images >/dev/null
fi

say "Looking for anything of ours that is left"
left=()
look() { # WHAT COMMAND...: whatever the command prints is left over
	local what=$1 found
	shift
	found=$("$@" 2>/dev/null || true)
	[ -z "$found" ] || left+=("$what: $(echo "$found" | tr '\n' ' ')")
}
look "processes" sh -c 'for exe in /proc/[0-9]*/exe; do [ "$(readlink "$exe")" != "'"$PWD"'/bin/zund" ] || echo "$exe"; done'
look "state" ls -d "$state"
look "plugin socket" ls /run/docker/plugins/kuryr.sock
new_links() { comm -23 <(neutron_links) <(cat "$run/links.before" 2>/dev/null); }
look "links" new_links
look "namespaces" sh -c "ip netns list | grep '^gozun-'"
look "routes" sh -c "ip route show | grep ' dev gzu'"
if command -v iptables >/dev/null; then
	look "iptables rules" sh -c "iptables -S DOCKER-USER | grep -E 'gozun|brq|gzu'"
	look "ip6tables rules" sh -c "ip6tables -S DOCKER-USER | grep -E 'gozun|brq|gzu'"
fi
if command -v nft >/dev/null; then
	look "nftables" sh -c "nft list tables | grep gozun"
fi
if command -v docker >/dev/null && docker_answers; then
	look "containers" docker ps --all --quiet --filter label=org.gozun.container
	look "Docker networks" docker network ls --quiet --filter driver=kuryr
	look "images" docker image ls --quiet --filter label=org.gozun.demo
fi

if [ -f "$run/dockerd.pid" ]; then
	say "Stopping the dockerd that the demo started"
	stop_pid "$run/dockerd.pid"
fi
if [ ${#left[@]} != 0 ]; then
	printf 'left over: %s\n' "${left[@]}" >&2
	die "something of the demo is left"
fi
rm -rf "$run"
echo "Nothing of the demo is left."
