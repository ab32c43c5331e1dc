# shellcheck shell=bash
# Sourced by the other scripts: what they need of the machine, installed when missing.

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

need_root() {
	[ "$(id -u)" = 0 ] || die "this needs root: it makes bridges, namespaces and firewall rules. Try: sudo make ${1:-demo}"
}

# need_packages PACKAGE... installs those of the Debian packages that are not there.
need_packages() {
	local missing=() package
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
	done
	[ ${#missing[@]} = 0 ] && return
	command -v apt-get >/dev/null || die "please install: ${missing[*]}"
	say "Installing Debian packages: ${missing[*]}"
	export DEBIAN_FRONTEND=noninteractive
	apt-get -o DPkg::Lock::Timeout=300 -qq update
	apt-get -o DPkg::Lock::Timeout=300 -qq -y install --no-install-recommends "${missing[@]}" >/dev/null
}

docker_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# need_docker makes sure that a Docker Engine answers. When it starts dockerd itself it
# writes the process id to the file named by its argument, so that it can be stopped.
need_docker() {
	local pidfile=$1
	if command -v docker >/dev/null && docker_answers; then
		return
	fi
	command -v dockerd >/dev/null || need_packages docker.io iptables
	if docker_answers; then
		return
	fi
	if [ "$(cat /proc/1/comm)" = systemd ]; then
		say "Starting Docker through systemd"
		systemctl start docker
	else
		say "Starting dockerd directly (systemd is not process 1 here); its log is $pidfile.log"
		mkdir -p "$(dirname "$pidfile")"
		# Its own session: Ctrl-C on the demo is not meant for Docker.
		setsid dockerd >"$pidfile.log" 2>&1 </dev/null &
		echo $! >"$pidfile"
	fi
	local tries
	for tries in $(seq 300); do
		docker_answers && return
		sleep 0.1
	done
	die "Docker did not come up within 30 s; see $pidfile.log or: journalctl -u docker"
}

# stop_pid FILE stops the process whose id the file holds, and waits for its end.
stop_pid() {
	local file=$1 pid
	[ -f "$file" ] || return 0
	pid=$(cat "$file")
	if kill "$pid" 2>/dev/null; then
		for _ in $(seq 300); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -9 "$pid" 2>/dev/null || true
	fi
	rm -f "$file"
}

# neutron_links lists the links that are named as Neutron's Linux bridge agent and we name
# them: on a machine of a real cloud some are not ours.
neutron_links() {
	ip -o link show | cut -d: -f2 | grep -E '^ (brq|tap|t_c|gzu|gzr)[0-9a-f]' | sort || true
}
