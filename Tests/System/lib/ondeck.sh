# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# OnDeck in a lab: one server in the namespace "server", a LAN around it, and a second link behind a relay.
#
#     clients c1 c2 ...  --  switch "lan"  --  server   10.77.0.1/16   pool 10.77.10.0 - 10.77.49.255
#                                |
#                              relay (eth0 10.77.0.254, eth1 10.88.0.1)
#                                |
#     clients f1 f2 ...  --  switch "far"                10.88.0.0/16   pool 10.88.10.0 - 10.88.19.255

SYSTEM=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS="$SYSTEM/tools"
export PYTHONDONTWRITEBYTECODE=1
. "$SYSTEM/lib/lab.sh"
. "$SYSTEM/lib/check.sh"

ONDECK=${ONDECK:-${ONDECK_SCRATCH:-$HOME/.cache/ondeck-build}/debug/debug/ondeck}
SERVER=""         # the process id of ondeck serve
SERVER_NAMESPACE=server
SERVER_ADDRESS=10.77.0.1
LAN_LENGTH=${LAN_LENGTH:-16}
SERVER_START_SECONDS_MAX=30
SERVE_WITH=()     # a command that the server is run by, e.g. taskset -c 0
BOOT_URL="http://$SERVER_ADDRESS:8080"

# lan CLIENTS [FAR-CLIENTS]
lan() {
    local i
    [ -x "$ONDECK" ] || { echo "No ondeck at $ONDECK: build it first (make build, or swift build)." >&2; exit 1; }
    switch lan
    namespace "$SERVER_NAMESPACE"
    plug lan "$SERVER_NAMESPACE" eth0 "$SERVER_ADDRESS/$LAN_LENGTH"
    for i in $(seq "${1:-1}"); do
        namespace "c$i"
        plug lan "c$i" eth0
    done
    [ "${2:-0}" -gt 0 ] || return 0
    switch far
    namespace relay
    plug lan relay eth0 10.77.0.254/16
    plug far relay eth1 10.88.0.1/16
    at relay sysctl -qw net.ipv4.ip_forward=1
    ip -n "$LAB_PREFIX-$SERVER_NAMESPACE" route add 10.88.0.0/16 via 10.77.0.254
    for i in $(seq "$2"); do
        namespace "f$i"
        plug far "f$i" eth0
    done
}

# address NAMESPACE ADDRESS/LENGTH: for clients that need one before they ask.
address() { ip -n "$LAB_PREFIX-$1" address replace "$2" broadcast + dev eth0; }

DATA="" # the server's data directory; `configure` chooses one if nobody has

# configure LINE...: writes the server's configuration, with these lines besides.
configure() {
    [ -n "$DATA" ] || DATA="$LAB_DIRECTORY/data"
    mkdir -p "$DATA"
    printf '%s\n' "node: test-node" "data: $DATA" \
        "api: { listen: 127.0.0.1, port: 8081, tokenFile: $DATA/api-token }" "$@" >"$LAB_DIRECTORY/ondeck.yaml"
}

# serve: starts the server and waits until it is ready.
serve() {
    launch
    wait_for "$SERVER_START_SECONDS_MAX" is_ready_or_dead
    is_ready || { echo "The server did not become ready:"; tail -n 15 "$LAB_DIRECTORY/server.log"; return 1; }
}

launch() {
    start "$SERVER_NAMESPACE" server.log "${SERVE_WITH[@]}" "$ONDECK" serve --config "$LAB_DIRECTORY/ondeck.yaml"
    SERVER=$STARTED
}

ready_answer() { at "$SERVER_NAMESPACE" curl -sS -m 3 -w ' (%{http_code})' http://127.0.0.1:8081/readyz 2>&1; }
is_ready() { at "$SERVER_NAMESPACE" curl -fsS -m 3 http://127.0.0.1:8081/readyz >/dev/null 2>&1; }
is_ready_or_dead() { is_ready || ! is_running "$SERVER"; }

# ondeck ARGUMENTS...: the command line, beside the server.
ondeck() { at "$SERVER_NAMESPACE" env ONDECK_TOKEN_FILE="$DATA/api-token" "$ONDECK" "$@"; }

# api METHOD PATH [CURL-ARGUMENTS...]
api() {
    local method=$1 path=$2
    shift 2
    at "$SERVER_NAMESPACE" curl -sS -m 10 -X "$method" -H "Authorization: Bearer $(cat "$DATA/api-token")" \
        "http://127.0.0.1:8081$path" "$@"
}

# apply: a site file from standard input; says what happened only when it went wrong.
apply() {
    local said
    cat >"$LAB_DIRECTORY/site.yaml"
    said=$(ondeck apply -f "$LAB_DIRECTORY/site.yaml" 2>&1) || { echo "ondeck apply: $said"; return 1; }
    wait_for 5 listens_udp "$SERVER_NAMESPACE" 67
}

# The two links of `lan`, with a few options.
ordinary_site() {
    cat <<YAML
networks:
  lan:
    lease: 1h
    unknown: ${UNKNOWN:-lease}
    probe: ${PROBE:-false}
    options: { routers: [10.77.0.254], domain-name-servers: [$SERVER_ADDRESS], domain-name: lab.example,
               42: [10.77.0.5], 224: "hex:01ff" }
    subnets:
      - subnet: 10.77.0.0/16
        pools: [10.77.10.0-10.77.49.255]
  far:
    lease: 1h
    unknown: ${UNKNOWN:-lease}
    options: { routers: [10.88.0.1], domain-name-servers: [$SERVER_ADDRESS], domain-name: far.example }
    subnets:
      - subnet: 10.88.0.0/16
        pools: [10.88.10.0-10.88.19.255]
YAML
}

# serve_site <SITE: starts the server and applies the site, or ends the group. Not in a pipeline: it starts things.
serve_site() {
    if serve && apply; then return 0; fi
    fail "the server starts and takes the site" "$(tail -n 5 "$LAB_DIRECTORY/server.log")"
    group_done
}

# standard_server CLIENTS [FAR-CLIENTS]: LAN, server and ordinary site in one go.
standard_server() {
    lan "$@"
    configure
    serve_site < <(ordinary_site)
}

# lease_of MAC: the address that `ondeck lease list` shows for it; nothing if there is none.
lease_of() { ondeck lease list -o json | "$TOOLS/json-find" address mac="$1"; }

# dhcp NAMESPACE ACTION...: one exchange of a made-up client (tools/dhcp-client --help).
dhcp() {
    local name=$1
    shift
    at "$name" "$TOOLS/dhcp-client" eth0 "$@" 2>&1
}

# is_in_pool ADDRESS lan|far
is_in_pool() {
    case $2 in
    lan) [[ $1 =~ ^10\.77\.([0-9]+)\.[0-9]+$ && ${BASH_REMATCH[1]} -ge 10 && ${BASH_REMATCH[1]} -le 49 ]] ;;
    far) [[ $1 =~ ^10\.88\.1[0-9]\.[0-9]+$ ]] ;;
    esac
}
