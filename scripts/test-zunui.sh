#!/usr/bin/env bash
# Horizon's zun-ui clicked in a browser: test-zunui.sh CHECKOUT, of https://opendev.org/openstack/zun-ui.
# Against zund solo, or on the services that GOZUN_OPENSTACK tells of.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/need.sh
need_root test-zunui
[ -d "${1:-}/zun_ui" ] || die "say where a checkout of zun-ui is: make test-zunui ZUN_UI=DIRECTORY"
checkout=$(realpath "$1")

work=$(mktemp -d)
trap 'stop_pid "$work/dockerd.pid"; rm -rf "$work"' EXIT

need_packages iproute2 iptables busybox-static ca-certificates python3-zunclient python3-django-horizon chromium chromium-driver
# Unpacked, not installed: installed it compresses all pages, which takes minutes, and none of
# that is looked at here.
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download openstack-dashboard && dpkg -x openstack-dashboard_*.deb horizon)
need_docker "$work/dockerd.pid"
make --no-print-directory build
GOZUN_E2E=1 GOZUN_ZUN_UI=$checkout GOZUN_HORIZON=$work/horizon go test -count=1 -v -run '^TestZunUI$' ./tests/e2e
