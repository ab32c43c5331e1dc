#!/usr/bin/env bash
# Installs the built programs below a prefix, with man pages, completion, systemd units and a
# sample configuration. DESTDIR, if set, is put before the prefix, for packagers.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${1:-/usr/local}
case $prefix in /*) ;; *) echo "install.sh: the prefix $prefix is not an absolute path" >&2; exit 2 ;; esac
for program in zun zund kuryr-libnetwork; do
	[ -x "bin/$program" ] || { echo "install.sh: bin/$program is not there. Try: make build" >&2; exit 1; }
done
to=${DESTDIR:-}$prefix

install -d "$to/bin" "$to/share/man/man1" "$to/share/man/man8" "$to/share/bash-completion/completions" \
	"$to/share/doc/gozun" "$to/lib/systemd/system"
install -t "$to/bin" bin/zun bin/zund bin/kuryr-libnetwork
ln -sf zun "$to/bin/neutron-lite"
bin/zun man "$to/share/man/man1"
install -m 644 -t "$to/share/man/man8" packaging/man/*.8
bin/zun completion bash >"$to/share/bash-completion/completions/zun"
install -m 644 -t "$to/share/doc/gozun" packaging/etc/kuryr.conf
for unit in packaging/systemd/*.service; do
	sed "s#/usr/local/bin/#$prefix/bin/#" "$unit" >"$to/lib/systemd/system/$(basename "$unit")"
done
cat <<END
Installed below $to. Next:
  one machine with everything    systemctl daemon-reload && systemctl enable --now zund-solo
  the Docker plugin of a cloud   install -D -m 600 $prefix/share/doc/gozun/kuryr.conf /etc/kuryr/kuryr.conf, fill it in,
                                 systemctl daemon-reload && systemctl enable --now kuryr-libnetwork, kuryr-libnetwork check
END
