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

if [ -f "$run/dockerd.pid" ]; then
	say "Stopping the dockerd that the demo started"
	stop_pid "$run/dockerd.pid"
fi
rm -rf "$run"
echo "Nothing of the demo is left."
