#!/bin/bash
# Stops what up.sh started: the processes in its pid files, each with
# its process group, and the dnsmasq and radvd processes that Neutron's agents
# left pid files of.  State stays; networks and ports stay wired (with ovs and
# ovn the wiring is the processes' own: it is back once up.sh has run again).
#
#   down.sh          stop
#   down.sh --purge  stop, then remove the state directory and what Neutron
#                    left in the kernel: its namespace, if it had one to itself
#                    (OPENSTACK_NETNS), and otherwise the brq* and vxlan-* of
#                    its networks, br-ex, br-int and br-tun, its qdhcp-* and
#                    qrouter-* namespaces, its iptables chains and IP sets
#
# Environment: OPENSTACK_BACKEND, OPENSTACK_STATE, OPENSTACK_READY as for up.sh;
# without the first two every back end's usual state directory.
set -u
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8

if [ -z "${OPENSTACK_STATE:-}${OPENSTACK_BACKEND:-}" ]; then
    for state in /var/tmp/gozun-openstack-*/; do
        [ ! -d "$state" ] || OPENSTACK_STATE=${state%/} "$0" "$@"
    done
    exit 0
fi
STATE=$(realpath -m "${OPENSTACK_STATE:-/var/tmp/gozun-openstack-$OPENSTACK_BACKEND}")
READY=${OPENSTACK_READY:-$STATE/ready}
RUN=$STATE/run
[ -d "$RUN" ] || { echo "nothing in $STATE"; exit 0; }
exec 9> "$STATE/lock"
flock 9
rm -f "$READY"

start_time() { awk '{ sub(/^.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null; }

# The living members of the groups that the NAMEs were started as.
members() {
    local name pid started groups=" "
    for name in "$@"; do
        read -r pid started 2>/dev/null < "$RUN/$name.pid" || continue
        # Somebody else's pid by now?
        [ ! -e "/proc/$pid" ] || [ "$(start_time "$pid")" = "$started" ] || continue
        groups+="$pid "
    done
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v groups="$groups" '{
        pid = $1
        sub(/^.*\) /, "")
        if ($1 != "Z" && index(groups, " " $3 " ")) print pid
    }'
}

# A service's first process is asked to end, and to end its own; what is left
# of its group after half of SECONDS is asked too, and killed after all of them.
stop() {    # stop SECONDS NAME...: all of them at once
    local half=$((SECONDS + $1 / 2)) end=$((SECONDS + $1)) name left pid; shift
    for name in "$@"; do
        left=$(members "$name")
        [ -n "$left" ] || continue
        echo "stopping $name"
        read -r pid _ < "$RUN/$name.pid"
        kill -TERM "$pid" 2>/dev/null || kill -TERM $left 2>/dev/null
    done
    while left=$(members "$@"); [ -n "$left" ]; do
        if [ $SECONDS -ge $end ]; then
            kill -KILL $left 2>/dev/null
        elif [ $SECONDS -ge $half ]; then
            kill -TERM $left 2>/dev/null
            half=$end
        fi
        sleep 0.1
    done
    for name in "$@"; do rm -f "$RUN/$name.pid"; done
}

# A host may have other people's bridges of Neutron's names: which are ours, only
# the database says, and later it may not be there to ask.
remember() {
    mariadb --no-defaults -N -u openstack --password="$(sed -n 's/^OPENSTACK_SERVICE_PASSWORD=//p' "$STATE/services.env")" \
        --socket="$RUN/mariadb.sock" neutron -e "
            SELECT CONCAT('brq', LEFT(id, 11)) FROM networks;
            SELECT CONCAT('vxlan-', segmentation_id) FROM networksegments WHERE network_type = 'vxlan'" \
        >> "$STATE/devices" 2> /dev/null
}
[ ! -S "$RUN/mariadb.sock" ] || remember

stop 10 compile neutron-l3-agent neutron-dhcp-agent neutron-linuxbridge-agent neutron-openvswitch-agent \
    neutron-server keystone
for file in "$STATE"/neutron/dhcp/*/pid "$STATE"/neutron/ra/*.pid "$STATE"/neutron/external/pids/*.pid*; do
    [ -f "$file" ] || continue
    pid=$(tr -cd 0-9 < "$file")
    if [ -n "$pid" ] && tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | grep -qF "$STATE/"; then
        echo "stopping $(cat "/proc/$pid/comm") ($pid)"
        kill -TERM "$pid" 2>/dev/null
    fi
    rm -f "$file"
done
stop 5 ovn-controller ovn-northd ovs-vswitchd
stop 5 ovsdb ovsdb-nb ovsdb-sb
stop 20 rabbitmq mariadb memcached
stop 5 epmd

NETNS=$(cat "$STATE/netns" 2> /dev/null)
if [ "${1:-}" = --purge ] && [ -n "$NETNS" ]; then
    ip netns del "$NETNS" 2> /dev/null
    # The namespaces of agents and of prove.sh were mounted inside of it only: these are empty names.
    for name in /run/netns/qdhcp-* /run/netns/qrouter-* /run/netns/proof[123]; do
        [ -e "$name" ] && ! mountpoint -q "$name" && rm -f "$name"
    done
    rm -rf "$STATE"
elif [ "${1:-}" = --purge ]; then
    for name in $(ip -o netns list 2>/dev/null | awk '{ print $1 }'); do
        case $name in qdhcp-* | qrouter-*) ip netns del "$name" ;; esac
    done
    [ ! -e "$STATE/done/br-ex" ] && [ ! -d "$STATE/ovs" ] || echo br-ex >> "$STATE/devices"
    # An agent that was stopped before it had heard of a network's deletion left that one's, too.
    ip -o -d link show type vxlan | sed -n 's/^[0-9]*: \(vxlan-[0-9]*\): .* local 127\.[0-9.]* dev lo .*/\1/p' >> "$STATE/devices"
    sort -u "$STATE/devices" 2> /dev/null | while read -r name; do
        [ ! -e "/sys/class/net/$name" ] || ip link del "$name"
    done
    # The devices of a userspace datapath outlive ovs-vswitchd.
    [ ! -d "$STATE/ovs" ] || for name in br-int br-tun ovs-netdev; do
        [ ! -e "/sys/class/net/$name" ] || ip link del "$name"
    done
    for tables in iptables ip6tables; do
        for table in filter raw nat mangle; do
            rules=$($tables -t $table -S 2>/dev/null | grep neutron-) || continue
            # The jumps out of the built-in chains, then the chains.
            grep -E '^-A [A-Z]+ ' <<< "$rules" | sed 's/^-A/-D/' |
                while read -r rule; do eval "$tables -w -t $table $rule"; done
            chains=$(awk '$1 == "-N" { print $2 }' <<< "$rules")
            for chain in $chains; do $tables -w -t $table -F "$chain"; done
            for chain in $chains; do $tables -w -t $table -X "$chain"; done
        done
    done
    for name in $(ipset list -n 2>/dev/null); do
        case $name in NIPv4* | NIPv6*) ipset destroy "$name" ;; esac
    done
    rm -rf "$STATE"
fi
echo "down"
