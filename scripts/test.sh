#!/usr/bin/env bash
# Every test there is. Installs what it needs; stops what it started.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
need_root test

work=$(mktemp -d)
trap 'stop_pid "$work/dockerd.pid"; rm -rf "$work"' EXIT

need_packages gcc libc6-dev iproute2 iptables nftables busybox-static ca-certificates openvswitch-switch btrfs-progs \
	python3-neutronclient python3-openstackclient python3-zunclient
need_docker "$work/dockerd.pid"

make --no-print-directory check
make --no-print-directory build

echo "== all tests of all rooms"
go test -timeout 20m ./...
echo "== end to end: the built programs with a real Docker"
make --no-print-directory e2e
