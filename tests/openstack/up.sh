#!/bin/bash
# Brings up Keystone and Neutron (ML2 with the Linux bridge agent, the Open
# vSwitch agent or OVN) from Debian 12's own packages on this one machine, on
# loopback only, for tests.  Idempotent: what is installed is not installed
# again, what runs is left alone.
#
#   up.sh            install what is missing, start what does not run
#   up.sh --install  only install the packages
#
# Environment (defaults in brackets):
#   OPENSTACK_STATE     directory of all state
#                       [/var/tmp/gozun-openstack-$OPENSTACK_BACKEND]
#   OPENSTACK_READY     file that holds the openrc's path once all is up
#                       [ready in the state directory]
#   OPENSTACK_HOST      host name of the agents [$(hostname)]
#   OPENSTACK_BACKEND   linuxbridge, ovs or ovn; one for each state directory
#                       [linuxbridge]
#   OPENSTACK_PASSWORD  every password there is [secret]
#   OPENSTACK_DHCP=1    also run the Neutron DHCP agent [0]
#   OPENSTACK_L3=1      also run the Neutron L3 agent [0] (OVN does what these
#                       two do itself: with ovn both are without effect)
#   OPENSTACK_ML2_EXTENSIONS  ML2's extension drivers [port_security,qos]; with
#                       tag_ports_during_bulk_creation too, Neutron heeds the
#                       tags of new ports
#   OPENSTACK_OVS_TSO   1: the userspace datapath hands on unfinished checksums
#                       and big segments, as the kernel's does; 0: it does not
#                       (Open vSwitch's default), and TCP and UDP fail between
#                       veth pairs whose ends still leave checksums undone [1]
#   OPENSTACK_NETNS     name of a network namespace to run in, made if it is
#                       not there: nothing of the host's network is touched
#                       then, and who wants to talk to it must be in it too
#                       (ip netns exec NAME ...); not gozun-*, which are
#                       minicloud's to remove [none: the host's own]
#   OPENSTACK_PORTS     what is added to the services' usual ports, so that
#                       they meet neither "zund solo" nor another OpenStack
#                       [10000 on the host, 0 in a namespace]
#   KEYSTONE_PORT and so on: one port, see below
#
# In the state directory: openrc (admin) and openrc-{demo,alt_demo,zun,kuryr},
# services.env (database and message bus URLs for other services, for which a
# "zun" database is made, and with ovs and ovn OVS_RUNDIR, without which
# ovs-vsctl does not find this Open vSwitch), etc/, log/ and run/ (pid files
# and sockets).
#
# linuxbridge: the agent puts a device tap<first 11 of a port's id> into the
# bridge brq<first 11 of its network's id>, for ports bound to $OPENSTACK_HOST.
# ovs and ovn: whoever plugs adds a device to br-int, with the port's id as the
# interface's external_ids:iface-id.  Their Open vSwitch runs on its userspace
# datapath (datapath_type=netdev), for which the kernel needs no module.
#
# Tenant networks are VXLAN ones (Geneve with ovn) that end on loopback; the
# flat provider network "public" is the bridge br-ex, which holds nothing else.
#
# Stop it with down.sh.
set -euo pipefail
umask 022
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV "${!OS_@}"

BACKEND=${OPENSTACK_BACKEND:-linuxbridge}
STATE=$(realpath -m "${OPENSTACK_STATE:-/var/tmp/gozun-openstack-$BACKEND}")
READY=${OPENSTACK_READY:-$STATE/ready}
HOST=${OPENSTACK_HOST:-$(hostname)}
NETNS=${OPENSTACK_NETNS:-}
PORTS=${OPENSTACK_PORTS:-$([ -n "$NETNS" ] && echo 0 || echo 10000)}
PASSWORD=${OPENSTACK_PASSWORD:-secret}
DHCP=${OPENSTACK_DHCP:-0}
L3=${OPENSTACK_L3:-0}
TSO=${OPENSTACK_OVS_TSO:-1}
ML2_EXTENSIONS=${OPENSTACK_ML2_EXTENSIONS:-port_security,qos}
IP=127.0.0.1
KEYSTONE_PORT=${KEYSTONE_PORT:-$((PORTS + 5000))}
NEUTRON_PORT=${NEUTRON_PORT:-$((PORTS + 9696))}
ZUN_PORT=${ZUN_PORT:-$((PORTS + 9517))}
DB_PORT=${DB_PORT:-$((PORTS + 3306))}
RABBIT_PORT=${RABBIT_PORT:-$((PORTS + 5672))}
# Usually 25672; with 10000 added it would be among the ports that the kernel gives clients.
RABBIT_DIST_PORT=${RABBIT_DIST_PORT:-$((PORTS + 5673))}
EPMD_PORT=${EPMD_PORT:-$((PORTS + 4370))}
MEMCACHED_PORT=${MEMCACHED_PORT:-$((PORTS + 11211))}
OPENFLOW_PORT=${OPENFLOW_PORT:-$((PORTS + 6633))}
REGION=RegionOne

ETC=$STATE/etc RUN=$STATE/run LOG=$STATE/log
AUTH_URL=http://$IP:$KEYSTONE_PORT/v3
NEUTRON_URL=http://$IP:$NEUTRON_PORT
ZUN_URL=http://$IP:$ZUN_PORT/v1
DB_URL=mysql+pymysql://openstack:$PASSWORD@$IP:$DB_PORT
RABBIT_URL=rabbit://openstack:$PASSWORD@$IP:$RABBIT_PORT/

# What the daemons and tools of Open vSwitch and OVN go by.
export OVS_RUNDIR=$RUN/ovs OVS_DBDIR=$STATE/ovs OVS_LOGDIR=$LOG
export OVN_RUNDIR=$RUN/ovn OVN_DBDIR=$STATE/ovn OVN_LOGDIR=$LOG
OVS_DB=unix:$OVS_RUNDIR/db.sock
OVN_NB=unix:$OVN_RUNDIR/ovnnb_db.sock
OVN_SB=unix:$OVN_RUNDIR/ovnsb_db.sock

t0=${EPOCHREALTIME/[.,]/}
say() {
    local ms=$(((${EPOCHREALTIME/[.,]/} - t0) / 1000))
    printf '[%3d.%03ds] %s\n' $((ms / 1000)) $((ms % 1000)) "$*"
}
die() { say "FAILED: $*" >&2; exit 1; }

case $BACKEND in
    linuxbridge) AGENTS=linuxbridge DRIVER=linuxbridge ;;
    ovs) AGENTS=openvswitch DRIVER=openvswitch ;;
    ovn) AGENTS= DRIVER= DHCP=0 L3=0 ;;
    *) die "OPENSTACK_BACKEND is neither linuxbridge nor ovs nor ovn: $BACKEND" ;;
esac
[ "$DHCP" != 1 ] || AGENTS+=" dhcp"
[ "$L3" != 1 ] || AGENTS+=" l3"
# The agents' binaries, as Neutron lists them.
BINARIES=
for name in $AGENTS; do BINARIES+=" neutron-$name-agent"; done
[ "$BACKEND" != ovn ] || BINARIES=ovn-controller

[ "$(id -u)" = 0 ] || die "must be root"
case $NETNS in gozun-*) die "namespaces named gozun-* are minicloud's" ;; esac
[ ${#STATE} -le 80 ] || die "too long a path for a socket: $STATE"
was=$(cat "$STATE/backend" 2>/dev/null || ! [ -d "$STATE/done" ] || echo linuxbridge)
[ "${was:-$BACKEND}" = "$BACKEND" ] ||
    die "$STATE was made with OPENSTACK_BACKEND=$was (down.sh --purge)"
# The catalogue and the switch's devices are of one place.
place="${NETNS:-the host} $KEYSTONE_PORT $NEUTRON_PORT $ZUN_PORT"
was=$(cat "$STATE/place" 2>/dev/null || true)
[ "${was:-$place}" = "$place" ] ||
    die "$STATE was made in another namespace or on other ports: '$was', not '$place' (down.sh --purge)"

# --------------------------------------------------------------- packages ---
PACKAGES="python3-keystone uwsgi-core uwsgi-plugin-python3
  neutron-common python3-neutron ebtables iptables ipset conntrack bridge-utils iproute2 sudo
  rabbitmq-server mariadb-server-core mariadb-client-core memcached
  python3-openstackclient python3-neutronclient"
[ $BACKEND = linuxbridge ] || PACKAGES+=" openvswitch-switch ethtool"
[ $BACKEND != ovn ] || PACKAGES+=" ovn-central ovn-host"
[ "$DHCP" = 1 ] && PACKAGES+=" dnsmasq-base dnsmasq-utils"
[ "$L3" = 1 ] && PACKAGES+=" iputils-arping radvd"

missing_packages() {
    local p have
    have=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' $PACKAGES 2>/dev/null |
             sed -n 's/^ii *//p' | tr '\n' ' ')"
    for p in $PACKAGES; do
        case $have in *" $p "*) ;; *) printf '%s ' "$p" ;; esac
    done
}

INSTALLED=${OPENSTACK_INSTALLED:-}
install_packages() {
    local missing apt made_policy= rc=0 shim=$STATE/shim
    missing=$(missing_packages)
    [ -n "$missing" ] || return 0
    say "installing $missing"
    # No package may start its service on being installed.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
        chmod 755 /usr/sbin/policy-rc.d
        made_policy=1
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    fi
    # To byte-compile package by package takes as long as all the rest does:
    # Python compiles what gets imported, and compile_rest the rest afterwards.
    mkdir -p "$shim"
    printf '#!/bin/sh\nexit 0\n' > "$shim/py3compile"
    chmod 755 "$shim/py3compile"
    export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true NEEDRESTART_SUSPEND=1
    apt="apt-get -y -q -o DPkg::Lock::Timeout=900 -o Dpkg::Use-Pty=0 -o DPkg::Path=$shim:$PATH
         -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confold
         -o Dpkg::Options::=--force-confdef --no-install-recommends"
    $apt install $missing > "$LOG/apt.log" 2>&1 || {
        say "apt-get update, and again"
        { apt-get -q -o DPkg::Lock::Timeout=900 update && $apt install $missing; } \
            >> "$LOG/apt.log" 2>&1 || rc=$?
    }
    rm -rf "$shim"
    if [ -n "$made_policy" ]; then rm -f /usr/sbin/policy-rc.d; trap - EXIT; fi
    [ $rc = 0 ] || { tail -20 "$LOG/apt.log" >&2; die "apt-get (see $LOG/apt.log)"; }
    INSTALLED=1
    say "packages installed"
}

compile_rest() {
    [ -n "$INSTALLED" ] || return 0
    spawn compile nice -n 19 /usr/bin/python3 -m compileall -q /usr/lib/python3/dist-packages
}

# -------------------------------------------------------------- processes ---
start_time() { awk '{ sub(/^.*\) /, ""); print $20 }' "/proc/$1/stat" 2>/dev/null; }

# A pid file holds the pid and the process's start time, so that a pid that
# somebody else has got since is never taken for ours.
running() {
    local pid started
    read -r pid started 2>/dev/null < "$RUN/$1.pid" || return 1
    [ -n "$pid" ] && [ "$(start_time "$pid")" = "$started" ]
}

spawn() {   # spawn NAME COMMAND...: in a session of its own, past this shell
    local name=$1 pid; shift
    setsid nohup "$@" < /dev/null >> "$LOG/$name.out" 2>&1 9>&- &
    pid=$!
    echo "$pid $(start_time $pid)" > "$RUN/$name.pid"
}

listens() { (exec 3<> "/dev/tcp/$IP/$1") 2>/dev/null; }

start() {   # start NAME PORT COMMAND...: a service; PORT is - if it has none
    local name=$1 port=$2; shift 2
    [ "$port" = - ] || ! listens "$port" ||
        die "$name: somebody listens on $IP:$port already (a leftover? down.sh)"
    rm -f "$READY"
    spawn "$name" "$@"
}

wait_port() {   # wait_port NAME PORT
    local name=$1 port=$2 end=$((SECONDS + 120))
    until listens "$port"; do
        running "$name" || { tail -20 "$LOG/$name.out" >&2; die "$name died (see $LOG)"; }
        [ $SECONDS -lt $end ] || die "$name does not listen on $IP:$port (see $LOG)"
        sleep 0.1
    done
}

once() {    # once NAME COMMAND...: once per state directory
    local name=$1; shift
    [ ! -e "$STATE/done/$name" ] || return 0
    "$@" > "$LOG/$name.out" 2>&1 ||
        { tail -20 "$LOG/$name.out" >&2; die "$name (see $LOG/$name.out)"; }
    touch "$STATE/done/$name"
    say "$name done"
}

put() {     # put FILE: standard input, whole or not at all
    cat > "$1.new"
    mv "$1.new" "$1"
}

# ---------------------------------------------------------- configuration ---
write_config() {
    local i who project file router=router

    [ $BACKEND != ovn ] || router=ovn-router
    put "$ETC/mariadb-init.sql" <<EOF
CREATE DATABASE IF NOT EXISTS keystone;
CREATE DATABASE IF NOT EXISTS neutron;
CREATE DATABASE IF NOT EXISTS zun;
CREATE USER IF NOT EXISTS openstack@'%' IDENTIFIED BY '$PASSWORD';
CREATE USER IF NOT EXISTS openstack@localhost IDENTIFIED BY '$PASSWORD';
GRANT ALL PRIVILEGES ON *.* TO openstack@'%' WITH GRANT OPTION;
GRANT ALL PRIVILEGES ON *.* TO openstack@localhost WITH GRANT OPTION;
EOF

    put "$ETC/rabbitmq.conf" <<EOF
listeners.tcp.default = $IP:$RABBIT_PORT
default_user = openstack
default_pass = $PASSWORD
default_user_tags.administrator = true
log.file.level = warning
disk_free_limit.absolute = 50MB
EOF
    : > "$ETC/rabbitmq-plugins"
    : > "$ETC/rabbitmq-env.conf"

    put "$ETC/keystone.conf" <<EOF
[DEFAULT]
log_file = $LOG/keystone.log
public_endpoint = http://$IP:$KEYSTONE_PORT
[database]
connection = $DB_URL/keystone?charset=utf8
[token]
provider = fernet
expiration = 43200
[fernet_tokens]
key_repository = $STATE/keystone/fernet-keys
[fernet_receipts]
key_repository = $STATE/keystone/fernet-keys
[credential]
key_repository = $STATE/keystone/credential-keys
[identity]
password_hash_rounds = 4
max_password_length = 72
[cache]
enabled = true
backend = dogpile.cache.memcached
memcache_servers = $IP:$MEMCACHED_PORT
[oslo_messaging_notifications]
driver = noop
EOF
    # What "keystone-manage fernet_setup" and "credential_setup" make: two
    # base64url keys of 32 bytes, 0 the staged one and 1 the primary one.
    for i in fernet-keys credential-keys; do
        [ ! -e "$STATE/keystone/$i/1" ] || continue
        mkdir -p "$STATE/keystone/$i"
        chmod 700 "$STATE/keystone/$i"
        for file in 0 1; do
            head -c 32 /dev/urandom | base64 -w0 | tr '+/' '-_' | put "$STATE/keystone/$i/$file"
            chmod 600 "$STATE/keystone/$i/$file"
        done
    done

    put "$ETC/neutron.conf" <<EOF
[DEFAULT]
host = $HOST
bind_host = $IP
bind_port = $NEUTRON_PORT
state_path = $STATE/neutron
api_paste_config = $ETC/neutron-api-paste.ini
auth_strategy = keystone
core_plugin = ml2
service_plugins = $router,trunk,qos
transport_url = $RABBIT_URL
api_workers = 2
rpc_workers = 1
rpc_state_report_workers = 0
agent_down_time = 300
dhcp_agents_per_network = 1
# There is no Nova to tell.
notify_nova_on_port_status_changes = false
notify_nova_on_port_data_changes = false
[agent]
# All of this runs as root: the root helper has nothing to do.
root_helper = env
report_interval = 15
[database]
connection = $DB_URL/neutron?charset=utf8
[experimental]
linuxbridge = true
[ovs]
ovsdb_connection = $OVS_DB
[keystone_authtoken]
www_authenticate_uri = $AUTH_URL
auth_url = $AUTH_URL
auth_type = password
username = neutron
password = $PASSWORD
project_name = service
user_domain_id = default
project_domain_id = default
region_name = $REGION
memcached_servers = $IP:$MEMCACHED_PORT
service_token_roles = service
service_token_roles_required = true
service_type = network
[oslo_concurrency]
lock_path = $STATE/neutron/lock
[oslo_messaging_notifications]
driver = noop
[oslo_policy]
policy_file = $ETC/neutron-policy.yaml
[quotas]
quota_network = -1
quota_subnet = -1
quota_port = -1
quota_router = -1
quota_floatingip = -1
quota_security_group = -1
quota_security_group_rule = -1
EOF
    sed "s|/etc/neutron/|$ETC/|" /usr/share/neutron-common/api-paste.ini |
        put "$ETC/neutron-api-paste.ini"
    # Admins and service users bind ports to hosts.
    put "$ETC/neutron-policy.yaml" <<EOF
"context_is_advsvc": "role:advsvc or role:service"
"create_port:binding:host_id": "rule:admin_only or role:service"
"create_port:binding:profile": "rule:admin_only or role:service"
"update_port:binding:host_id": "rule:admin_only or role:service"
"update_port:binding:profile": "rule:admin_only or role:service"
"get_port:binding:host_id": "rule:admin_only or role:service"
"get_port:binding:profile": "rule:admin_only or role:service"
"get_port:binding:vif_type": "rule:admin_only or role:service"
"get_port:binding:vif_details": "rule:admin_only or role:service"
EOF
    "write_${BACKEND}_config"
    put "$ETC/neutron-dhcp-agent.ini" <<EOF
[DEFAULT]
interface_driver = $DRIVER
enable_isolated_metadata = false
enable_metadata_network = false
EOF
    put "$ETC/neutron-l3-agent.ini" <<EOF
[DEFAULT]
interface_driver = $DRIVER
agent_mode = legacy
enable_metadata_proxy = false
EOF

    for who in admin demo alt_demo zun kuryr; do
        project=$who file=$STATE/openrc-$who
        case $who in admin) file=$STATE/openrc ;; zun | kuryr) project=service ;; esac
        put "$file" <<EOF
export OS_AUTH_TYPE=password
export OS_AUTH_URL=$AUTH_URL
export OS_IDENTITY_API_VERSION=3
export OS_USERNAME=$who
export OS_PASSWORD=$PASSWORD
export OS_PROJECT_NAME=$project
export OS_USER_DOMAIN_NAME=Default
export OS_USER_DOMAIN_ID=default
export OS_PROJECT_DOMAIN_NAME=Default
export OS_PROJECT_DOMAIN_ID=default
export OS_REGION_NAME=$REGION
export OS_INTERFACE=public
EOF
    done
    put "$STATE/services.env" <<EOF
OPENSTACK_STATE=$STATE
OPENSTACK_HOST=$HOST
OPENSTACK_AUTH_URL=$AUTH_URL
OPENSTACK_DB_URL=$DB_URL
OPENSTACK_TRANSPORT_URL=$RABBIT_URL
OPENSTACK_MEMCACHED=$IP:$MEMCACHED_PORT
OPENSTACK_SERVICE_PASSWORD=$PASSWORD
OPENSTACK_REGION=$REGION
OPENSTACK_BACKEND=$BACKEND
OPENSTACK_NETNS=$NETNS
OPENSTACK_NEUTRON_URL=$NEUTRON_URL
OPENSTACK_ZUN_URL=$ZUN_URL
EOF
    [ $BACKEND = linuxbridge ] || cat >> "$STATE/services.env" <<EOF
OVS_RUNDIR=$OVS_RUNDIR
OPENSTACK_OVSDB=$OVS_DB
EOF
    [ $BACKEND != ovn ] || cat >> "$STATE/services.env" <<EOF
OVN_RUNDIR=$OVN_RUNDIR
OPENSTACK_OVN_NB=$OVN_NB
OPENSTACK_OVN_SB=$OVN_SB
EOF
}

write_linuxbridge_config() {
    put "$ETC/neutron-ml2.ini" <<EOF
[ml2]
type_drivers = flat,vxlan,local
tenant_network_types = vxlan,local
mechanism_drivers = linuxbridge,l2population
extension_drivers = $ML2_EXTENSIONS
[ml2_type_flat]
flat_networks = public
[ml2_type_vxlan]
vni_ranges = 1:5000
[securitygroup]
enable_security_group = true
enable_ipset = true
firewall_driver = iptables
EOF
    put "$ETC/neutron-linuxbridge-agent.ini" <<EOF
[linux_bridge]
bridge_mappings = public:br-ex
[vxlan]
enable_vxlan = true
local_ip = $IP
# With L2 population a VXLAN device has no multicast group, so that on one
# host no encapsulated packet is ever sent (a group on loopback would hand
# every flooded frame back to the bridge that it came from).
l2_population = true
[agent]
polling_interval = 1
extensions = qos
quitting_rpc_timeout = 2
[securitygroup]
enable_security_group = true
enable_ipset = true
firewall_driver = iptables
EOF
}

write_ovs_config() {
    put "$ETC/neutron-ml2.ini" <<EOF
[ml2]
type_drivers = flat,vxlan,local
tenant_network_types = vxlan,local
mechanism_drivers = openvswitch,l2population
extension_drivers = $ML2_EXTENSIONS
[ml2_type_flat]
flat_networks = public
[ml2_type_vxlan]
vni_ranges = 1:5000
[securitygroup]
enable_security_group = true
firewall_driver = openvswitch
EOF
    put "$ETC/neutron-openvswitch-agent.ini" <<EOF
[ovs]
datapath_type = netdev
integration_bridge = br-int
tunnel_bridge = br-tun
bridge_mappings = public:br-ex
local_ip = $IP
of_listen_address = $IP
of_listen_port = $OPENFLOW_PORT
[agent]
tunnel_types = vxlan
l2_population = true
polling_interval = 1
extensions = qos
quitting_rpc_timeout = 2
[securitygroup]
enable_security_group = true
firewall_driver = openvswitch
EOF
}

write_ovn_config() {
    put "$ETC/neutron-ml2.ini" <<EOF
[ml2]
type_drivers = flat,geneve,local
tenant_network_types = geneve,local
mechanism_drivers = ovn
extension_drivers = $ML2_EXTENSIONS
[ml2_type_flat]
flat_networks = public
[ml2_type_geneve]
vni_ranges = 1:5000
max_header_size = 38
[securitygroup]
enable_security_group = true
[ovn]
ovn_nb_connection = $OVN_NB
ovn_sb_connection = $OVN_SB
ovn_metadata_enabled = false
neutron_sync_mode = repair
vhost_sock_dir = $OVS_RUNDIR
EOF
}

# ---------------------------------------------------------------- services ---
start_mariadb() {
    running mariadb && return 0
    if [ ! -e "$STATE/mariadb/mysql" ]; then
        rm -rf "$STATE/mariadb.new"
        mariadb-install-db --no-defaults --user=root --datadir="$STATE/mariadb.new" \
            --skip-test-db --auth-root-authentication-method=normal --skip-name-resolve \
            --innodb-flush-method=nosync --innodb-log-file-size=8M \
            > "$LOG/mariadb-install.out" 2>&1 ||
            die "mariadb-install-db (see $LOG/mariadb-install.out)"
        mv "$STATE/mariadb.new" "$STATE/mariadb"
    fi
    start mariadb "$DB_PORT" mariadbd --no-defaults --user=root --datadir="$STATE/mariadb" \
        --bind-address=$IP --port="$DB_PORT" --socket="$RUN/mariadb.sock" \
        --pid-file="$RUN/mariadb.own" --init-file="$ETC/mariadb-init.sql" \
        --character-set-server=utf8mb3 --collation-server=utf8mb3_general_ci \
        --skip-name-resolve --skip-log-bin --performance-schema=off --max-connections=1000 \
        --innodb-flush-log-at-trx-commit=0 --innodb-flush-method=nosync --innodb-doublewrite=0 \
        --innodb-buffer-pool-size=128M --innodb-log-file-size=64M --sync-frm=0 \
        --thread-cache-size=32
}

start_rabbitmq() {
    running rabbitmq && return 0
    running epmd ||
        start epmd "$EPMD_PORT" epmd -address $IP -port "$EPMD_PORT" -relaxed_command_check
    mkdir -p "$STATE/rabbitmq/home"
    start rabbitmq "$RABBIT_PORT" env \
        HOME="$STATE/rabbitmq/home" \
        ERL_EPMD_ADDRESS=$IP ERL_EPMD_PORT="$EPMD_PORT" \
        RABBITMQ_NODENAME=openstack@localhost \
        RABBITMQ_CONF_ENV_FILE="$ETC/rabbitmq-env.conf" \
        RABBITMQ_CONFIG_FILE="$ETC/rabbitmq.conf" \
        RABBITMQ_ADVANCED_CONFIG_FILE="$ETC/rabbitmq-advanced.config" \
        RABBITMQ_ENABLED_PLUGINS_FILE="$ETC/rabbitmq-plugins" \
        RABBITMQ_MNESIA_BASE="$STATE/rabbitmq/mnesia" \
        RABBITMQ_LOG_BASE="$LOG" \
        RABBITMQ_PID_FILE="$RUN/rabbitmq.own" \
        RABBITMQ_NODE_IP_ADDRESS=$IP RABBITMQ_NODE_PORT="$RABBIT_PORT" \
        RABBITMQ_DIST_PORT="$RABBIT_DIST_PORT" \
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}" \
        /usr/lib/rabbitmq/bin/rabbitmq-server
}

start_memcached() {
    running memcached && return 0
    start memcached "$MEMCACHED_PORT" memcached -u root -l $IP -p "$MEMCACHED_PORT" -U 0 -m 64 -c 1024
}

# "keystone-manage db_sync" and "keystone-manage bootstrap", with Keystone
# imported once for the two.
keystone_db() {
    /usr/bin/python3 -I - --config-file "$ETC/keystone.conf" bootstrap \
        --bootstrap-username admin --bootstrap-password "$PASSWORD" \
        --bootstrap-project-name admin --bootstrap-role-name admin \
        --bootstrap-service-name keystone --bootstrap-region-id $REGION \
        --bootstrap-public-url "$AUTH_URL" --bootstrap-internal-url "$AUTH_URL" \
        --bootstrap-admin-url "$AUTH_URL" <<'EOF'
import os
import sys

from keystone.cmd import cli

child = os.fork()
if child == 0:
    cli.main(argv=['keystone-manage', *sys.argv[1:3], 'db_sync'])
    os._exit(0)
if os.waitpid(child, 0)[1] != 0:
    sys.exit('keystone-manage db_sync failed')
cli.main(argv=['keystone-manage', *sys.argv[1:]])
EOF
}

start_keystone() {
    once keystone-db keystone_db
    running keystone && return 0
    start keystone "$KEYSTONE_PORT" env OS_KEYSTONE_CONFIG_FILES="$ETC/keystone.conf" \
        uwsgi --plugins python3 --http-socket "$IP:$KEYSTONE_PORT" \
        --wsgi-file /usr/bin/keystone-wsgi-public \
        --master --processes 2 --threads 1 --enable-threads --thunder-lock --need-app \
        --no-orphans --die-on-term --buffer-size 65535 --post-buffering 65536 --listen 128 \
        --add-header "Connection: close" --disable-logging
}

start_neutron() {
    once neutron-db neutron-db-manage --config-file "$ETC/neutron.conf" \
        --config-file "$ETC/neutron-ml2.ini" upgrade heads
    running neutron-server && return 0
    wait_port rabbitmq "$RABBIT_PORT"
    start neutron-server "$NEUTRON_PORT" neutron-server --config-file "$ETC/neutron.conf" \
        --config-file "$ETC/neutron-ml2.ini" --log-file "$LOG/neutron-server.log"
}

# ebtables-nft up to 1.8.9 cannot delete a rule with a set of addresses by its
# text on kernels from 6.4 on ("RULE_DELETE failed (Invalid argument)": the set
# made for the comparison stays unbound), and the agent tries for ever, as soon
# as a wired port is updated.  By its number the rule can be deleted.
write_ebtables() {
    mkdir -p "$STATE/bin"
    put "$STATE/bin/ebtables" <<'EOF'
#!/bin/bash
# ebtables, but "-D CHAIN RULE" of a rule with --among-* goes by the rule's number.
real=/usr/sbin/ebtables
case " $* " in *" -D "*" --among-"*) ;; *) exec $real "$@" ;; esac
options=() chain= rule=
while [ $# -gt 0 ]; do
    case $1 in
        -D) chain=$2; shift 2; rule=$*; break ;;
        *) options+=("$1"); shift ;;
    esac
done
number=$($real "${options[@]}" -L "$chain" --Ln | while read -r n text; do
    [ "$text" != "$rule" ] || { echo "${n%.}"; break; }
done)
[ -n "$number" ] || exec $real "${options[@]}" -D "$chain" $rule
exec $real "${options[@]}" -D "$chain" "$number"
EOF
    chmod 755 "$STATE/bin/ebtables"
}

# A switch of its own: the machine's, if there is one, is left alone.  In a
# network namespace, up.sh and those who plug must all be in that one.
ovsdb() {   # ovsdb NAME FILE SCHEMA SOCKET PIDFILE [REMOTE]
    running "$1" && return 0
    mkdir -p "$(dirname "$2")" "$(dirname "$4")"
    [ -e "$2" ] || ovsdb-tool create "$2" "$3"
    rm -f "$4"
    start "$1" - ovsdb-server --no-chdir --pidfile="$5" --unixctl="${5%.pid}.ctl" \
        --log-file="$LOG/$1.log" -vconsole:off --remote="punix:$4" ${6:+--remote=$6} "$2"
    wait_file "$1" "$4"
}

wait_file() {   # wait_file NAME FILE
    local end=$((SECONDS + 30))
    until [ -e "$2" ]; do
        running "$1" || { tail -20 "$LOG/$1.out" >&2; die "$1 died (see $LOG)"; }
        [ $SECONDS -lt $end ] || die "$1 does not make $2 (see $LOG)"
        sleep 0.05
    done
}

start_vswitch() {
    local tso=false
    [ "$TSO" != 1 ] || tso=true
    # A Linux bridge of that name, from another back end's state?
    if [ -e /sys/class/net/br-ex/bridge ]; then
        [ -z "$(ls /sys/class/net/br-ex/brif)" ] || die "br-ex is a Linux bridge in use"
        ip link del br-ex
    fi
    ovsdb ovsdb "$OVS_DBDIR/conf.db" /usr/share/openvswitch/vswitch.ovsschema \
        "$OVS_RUNDIR/db.sock" "$OVS_RUNDIR/ovsdb-server.pid" \
        db:Open_vSwitch,Open_vSwitch,manager_options
    running ovs-vswitchd && return 0
    ovs-vsctl --no-wait init -- set Open_vSwitch . \
        external_ids:system-id="$HOST" external_ids:hostname="$HOST" \
        other_config:userspace-tso-enable=$tso
    [ $BACKEND != ovn ] || ovs-vsctl --no-wait set Open_vSwitch . \
        external_ids:ovn-remote="$OVN_SB" external_ids:ovn-encap-type=geneve \
        external_ids:ovn-encap-ip=$IP external_ids:ovn-bridge=br-int \
        external_ids:ovn-bridge-datapath-type=netdev \
        external_ids:ovn-bridge-mappings=public:br-ex \
        external_ids:ovn-cms-options=enable-chassis-as-gw
    start ovs-vswitchd - ovs-vswitchd --no-chdir --pidfile --log-file="$LOG/ovs-vswitchd.log" \
        -vconsole:off "$OVS_DB"
    # These two wait until ovs-vswitchd has done it.
    ovs-vsctl --timeout=60 --may-exist add-br br-ex -- set Bridge br-ex datapath_type=netdev ||
        die "ovs-vswitchd (see $LOG/ovs-vswitchd.log)"
    ovs-vsctl --timeout=60 --may-exist add-br br-int -- \
        set Bridge br-int datapath_type=netdev fail_mode=secure
    ip link set br-ex up
}

start_ovn() {
    ovsdb ovsdb-nb "$OVN_DBDIR/ovnnb_db.db" /usr/share/ovn/ovn-nb.ovsschema \
        "$OVN_RUNDIR/ovnnb_db.sock" "$OVN_RUNDIR/ovnnb_db.pid"
    ovsdb ovsdb-sb "$OVN_DBDIR/ovnsb_db.db" /usr/share/ovn/ovn-sb.ovsschema \
        "$OVN_RUNDIR/ovnsb_db.sock" "$OVN_RUNDIR/ovnsb_db.pid"
    running ovn-northd ||
        start ovn-northd - ovn-northd --no-chdir --pidfile --log-file="$LOG/ovn-northd.log" \
            -vconsole:off --ovnnb-db="$OVN_NB" --ovnsb-db="$OVN_SB"
    start_vswitch
    running ovn-controller ||
        start ovn-controller - ovn-controller --no-chdir --pidfile \
            --log-file="$LOG/ovn-controller.log" -vconsole:off "$OVS_DB"
    # Until all of them have met, and this host's chassis has answered.
    ovn-nbctl --timeout=60 --wait=sb init
    ovn-sbctl --timeout=60 wait-until chassis "$HOST" hostname="$HOST"
    ovn-nbctl --timeout=60 --wait=hv sync || die "OVN (see $LOG/ovn-*.log)"
}

# An agent's first call would wait for its full timeout if no server were there
# yet: agents start when the server listens.
start_agents() {
    local name
    if [ $BACKEND = linuxbridge ]; then
        [ -e /sys/class/net/br-ex ] || { touch "$STATE/done/br-ex"; ip link add br-ex type bridge; }
        ip link set br-ex up
    fi
    write_ebtables
    for name in $AGENTS; do
        running neutron-$name-agent ||
            start neutron-$name-agent - env PATH="$STATE/bin:$PATH" \
                neutron-$name-agent --config-file "$ETC/neutron.conf" \
                --config-file "$ETC/neutron-$name-agent.ini" \
                --log-file "$LOG/neutron-$name-agent.log"
    done
}

# api seed: projects, users, roles and catalog, over Keystone's own API.
# api wait: until Neutron answers and the agents that run now have reported.
api() {
    /usr/bin/python3 -I - "$1" "$AUTH_URL" "$PASSWORD" "$NEUTRON_URL" "$ZUN_URL" "$REGION" \
        "$HOST" "$RUN" $BINARIES <<'EOF'
import datetime
import json
import os
import sys
import time
import urllib.error
import urllib.request

mode, auth_url, password, neutron, zun, region, host, run = sys.argv[1:9]
agents = sys.argv[9:]
end = time.time() + 120
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
token = None


class Refused(Exception):
    pass


def call(method, url, body=None):
    headers = {'Content-Type': 'application/json', 'Accept': 'application/json'}
    if token:
        headers['X-Auth-Token'] = token
    data = json.dumps(body).encode() if body is not None else None
    try:
        req = urllib.request.Request(url, data, headers, method=method)
        with opener.open(req, timeout=60) as answer:
            text = answer.read()
            return answer.headers, json.loads(text) if text else None
    except urllib.error.HTTPError as e:
        raise Refused('%s %s: %s %s' % (method, url, e.code, e.read()[:500]))


def patiently(what):
    while True:
        try:
            return what()
        except (OSError, Refused) as e:
            if time.time() > end:
                raise SystemExit('not ready: %s' % e)
            time.sleep(0.2)


def login():
    domain = {'id': 'default'}
    user = {'name': 'admin', 'domain': domain, 'password': password}
    body = {'auth': {'identity': {'methods': ['password'], 'password': {'user': user}},
                     'scope': {'project': {'name': 'admin', 'domain': domain}}}}
    return call('POST', auth_url + '/auth/tokens', body)[0]['X-Subject-Token']


def listed(plural):
    return call('GET', '%s/%s' % (auth_url, plural))[1][plural]


def ensure(kind, have, attrs, *keys):
    for thing in have:
        if all(thing.get(k) == attrs[k] for k in keys):
            return thing['id']
    return call('POST', '%s/%ss' % (auth_url, kind), {kind: attrs})[1][kind]['id']


def seed():
    have = listed('roles')
    role = {n: ensure('role', have, {'name': n}, 'name')
            for n in ('admin', 'member', 'reader', 'service')}
    have = listed('projects')
    project = {n: ensure('project', have, {'name': n, 'domain_id': 'default'}, 'name', 'domain_id')
               for n in ('admin', 'service', 'demo', 'alt_demo')}
    have = listed('users')
    user = {n: ensure('user', have, {'name': n, 'domain_id': 'default', 'password': password},
                      'name', 'domain_id')
            for n in ('admin', 'demo', 'alt_demo', 'neutron', 'zun', 'kuryr')}
    grants = [('demo', 'demo', 'member'), ('alt_demo', 'alt_demo', 'member'),
              ('admin', 'demo', 'admin'), ('admin', 'alt_demo', 'admin')]
    for name in ('neutron', 'zun', 'kuryr'):
        grants += [(name, 'service', 'admin'), (name, 'service', 'service')]
    for u, p, r in grants:
        call('PUT', '%s/projects/%s/users/%s/roles/%s' % (auth_url, project[p], user[u], role[r]))
    services, endpoints = listed('services'), listed('endpoints')
    for kind, name, url in (('network', 'neutron', neutron), ('container', 'zun', zun)):
        service = ensure('service', services, {'type': kind, 'name': name}, 'type', 'name')
        for interface in ('public', 'internal', 'admin'):
            ensure('endpoint', endpoints, {'service_id': service, 'interface': interface,
                                           'region_id': region, 'url': url},
                   'service_id', 'interface', 'region_id')


def all_alive():
    # Neutron takes an agent that has been stopped for alive for a while: only
    # one that has reported a start since its pid file was written will do.
    # OVN's has no start: its last answer will do.
    have = {}
    for a in call('GET', neutron + '/v2.0/agents?host=' + host)[1]['agents']:
        if a['alive']:
            at = datetime.datetime.fromisoformat(a.get('started_at') or a['heartbeat_timestamp'])
            have[a['binary']] = (at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)).timestamp()
    for name in agents:
        if have.get(name, 0) < int(os.stat('%s/%s.pid' % (run, name)).st_mtime):
            raise Refused('%s has not reported' % name)


token = patiently(login)
seed() if mode == 'seed' else patiently(all_alive)
EOF
}

# -------------------------------------------------------------------- main ---
mkdir -p "$ETC" "$RUN" "$LOG" "$STATE/done" "$STATE/keystone" "$STATE/neutron/lock"
exec 9> "$STATE/lock"
flock 9

install_packages
[ "${1:-}" != --install ] || exit 0

echo "$BACKEND" > "$STATE/backend"
echo "$place" > "$STATE/place"
echo "$NETNS" > "$STATE/netns"

# Packages come from outside, all the rest happens in the namespace.
if [ -n "$NETNS" ] && [ "${OPENSTACK_INSIDE:-}" != "$NETNS" ]; then
    [ -e "/run/netns/$NETNS" ] || ip netns add "$NETNS"
    ip -n "$NETNS" link set lo up
    exec 9>&-
    exec env OPENSTACK_INSIDE="$NETNS" OPENSTACK_INSTALLED="$INSTALLED" ip netns exec "$NETNS" "$0" "$@"
fi

write_config
start_rabbitmq
start_memcached
start_mariadb
case $BACKEND in
    ovs) start_vswitch ;;
    ovn) start_ovn ;;
esac
wait_port mariadb "$DB_PORT"

# Keystone's schema and Neutron's are made side by side.
start_neutron & neutron=$!
start_keystone
wait_port keystone "$KEYSTONE_PORT"
once keystone-seed api seed
wait $neutron || exit 1
wait_port neutron-server "$NEUTRON_PORT"
say "Keystone and Neutron listen"
start_agents
api wait || die "Neutron (see $LOG)"
mkdir -p "$(dirname "$READY")"
echo "$STATE/openrc" > "$READY"
compile_rest
say "up ($BACKEND): $STATE/openrc"
