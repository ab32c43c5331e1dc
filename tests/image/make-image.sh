#!/usr/bin/env bash
# Makes the demo image with nothing but Go and Docker, no registry, and imports it as $1.
#   tests/image/make-image.sh gozun-demo:latest
# It holds one static program under the names server (what it runs), fetch and sleep.
set -euo pipefail
[ $# -eq 1 ] || { echo "usage: $0 <repository:tag>" >&2; exit 2; }
tag=$1
cd "$(dirname "$0")/../.."

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/bin"
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$root/bin/server" ./tests/image/server
for name in fetch sleep; do
	ln -s server "$root/bin/$name"
done
tar -C "$root" --owner=0 --group=0 --numeric-owner -c . |
	docker import \
		--change 'ENV PATH=/bin' \
		--change 'CMD ["server"]' \
		--change 'EXPOSE 80/tcp' \
		--change 'LABEL org.gozun.demo=true' \
		- "$tag" >/dev/null
echo "made image $tag"
