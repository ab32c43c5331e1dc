#!/usr/bin/env bash
# Installs the built programs below a prefix, with man pages, completion and systemd units.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${1:-/usr/local}

install -D -t "$prefix/bin" bin/zun bin/zund bin/kuryr-libnetwork
ln -sf zun "$prefix/bin/neutron-lite"
install -d "$prefix/share/man/man1" "$prefix/share/man/man8"
bin/zun man "$prefix/share/man/man1"
install -m 644 -t "$prefix/share/man/man8" packaging/man/*.8
install -d "$prefix/share/bash-completion/completions"
bin/zun completion bash >"$prefix/share/bash-completion/completions/zun"
install -d "$prefix/lib/systemd/system"
for unit in packaging/systemd/*.service; do
	sed "s#/usr/local/bin#$prefix/bin#" "$unit" >"$prefix/lib/systemd/system/$(basename "$unit")"
done
echo "Installed below $prefix. Next: systemctl daemon-reload && systemctl enable --now zund-solo"
