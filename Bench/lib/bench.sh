# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the DHCP benchmarks share: a wide LAN, OnDeck and Kea in turns in one namespace, and medians. Source it.
#
# The server runs on core 0 at the highest ordinary priority and the load on core 1, also above other work: what else runs on
# the machine then disturbs both servers little, and equally. (Where sessions are scheduled as groups, a priority counts only
# among the threads of its own session: the session must have it, too.)

BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ONDECK=${ONDECK:-${ONDECK_SCRATCH:-$HOME/.cache/ondeck-build}/release/release/ondeck}
LAN_LENGTH=8
. "$BENCH/../Tests/System/lib/ondeck.sh"

# shellcheck disable=SC2016
SERVE_WITH=(taskset -c 0 setsid sh -c 'echo -20 2>/dev/null >/proc/self/autogroup; exec nice -n -20 "$@"' sh)
export SERVER_ADDRESS
export LOCAL_ADDRESS=10.77.1.1
POOL=10.128.0.0-10.143.255.255 # a million and a bit
SERVER_START_SECONDS_MAX=120

bench_begin() {
    as_root "$0"
    lab_begin "$1"
    [ "$(nproc)" -ge 2 ] || { echo "Two cores are needed: one for the server, one for the load." >&2; exit 1; }
    lan 1
    address c1 "$LOCAL_ADDRESS/8"
    export DORA="$LAB_DIRECTORY/dora"
    gcc -O2 -o "$DORA" "$BENCH/lib/dora.c" || exit 1
    echo "$("$ONDECK" version | head -n 1), Kea $(kea-dhcp4 -v), $(nproc) cores, $(uname -r)," \
        "CPU pressure $(busy) (0 is a quiet machine)"
}

busy() { awk -F'[= ]' '/^some/ { print $3 }' /proc/pressure/cpu 2>/dev/null || echo unknown; }

load() { "$BENCH/lib/load.py" "$1" "$LAB_PREFIX-c1" "$SERVER" "${@:2}"; } # load search|run ...
member() { "$TOOLS/json-find" "$1"; }                                    # member NAME <JSON
median() {
    tr ' ' '\n' <<<"$*" | grep . | sort -n |
        awk '{ a[NR] = $1 } END { print (NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2) }'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b + 0 > 0) printf "%.2f\n", a / b; else print "unknown" }'; }

# one_network: the site of most benchmarks.
one_network() {
    cat <<YAML
networks:
  bench:
    unknown: lease
    probe: false
    lease: 1h
    options: { routers: [10.0.0.1], domain-name-servers: [$SERVER_ADDRESS] }
    subnets:
      - { subnet: 10.0.0.0/8, pools: [$POOL] }
YAML
}

# fresh_ondeck <SITE: with an empty database. Not in a pipeline.
fresh_ondeck() {
    DATA="$LAB_DIRECTORY/ondeck.$SERVER_NAMESPACE"
    rm -rf "$DATA"
    configure "log: warning" "tftp: { enabled: false }"
    serve_site
}

# filled_ondeck LEASES RESERVATIONS: its database with that many made-up ones; not running.
filled_ondeck() {
    fresh_ondeck < <(one_network)
    stop "$SERVER"
    [ "$1" = 0 ] || "$BENCH/lib/fill.py" ondeck-leases "$DATA/ondeck.sqlite" bench "$1"
    [ "$2" = 0 ] || "$BENCH/lib/fill.py" ondeck-reservations "$DATA/ondeck.sqlite" bench "$2"
}

# kea_configuration [RESERVATIONS-FILE]: the same network; Kea's defaults, its lease file without fsync.
kea_configuration() {
    local files="$LAB_DIRECTORY/kea.$SERVER_NAMESPACE"
    cat <<JSON
{"Dhcp4": {"interfaces-config": {"interfaces": ["eth0"], "dhcp-socket-type": "raw"},
"lease-database": {"type": "memfile", "persist": true, "lfc-interval": 3600, "name": "$files/leases.csv"},
"valid-lifetime": 3600, "multi-threading": {"enable-multi-threading": false},
"loggers": [{"name": "kea-dhcp4", "severity": "WARN", "output_options": [{"output": "$files/log"}]}],
"subnet4": [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": "$POOL"}],
"reservations": [
JSON
    [ -z "${1:-}" ] || cat "$1"
    cat <<JSON
], "option-data": [
{"name": "routers", "data": "10.0.0.1"}, {"name": "domain-name-servers", "data": "$SERVER_ADDRESS"}]}]}}
JSON
}

# prepare_kea [LEASES RESERVATIONS]: its files, with that many made-up ones in them.
prepare_kea() {
    local files="$LAB_DIRECTORY/kea.$SERVER_NAMESPACE"
    rm -rf "$files"
    mkdir "$files"
    [ "${1:-0}" = 0 ] || "$BENCH/lib/fill.py" kea-leases "$files/leases.csv" "$1"
    "$BENCH/lib/fill.py" kea-reservations "$files/reservations" "${2:-0}"
    kea_configuration "$files/reservations" >"$files/configuration"
}

launch_kea() {
    local files="$LAB_DIRECTORY/kea.$SERVER_NAMESPACE"
    start "$SERVER_NAMESPACE" kea.out "${SERVE_WITH[@]}" env "KEA_PIDFILE_DIR=$files" "KEA_LOCKFILE_DIR=$files" \
        KEA_LOGGER_DESTINATION=stderr kea-dhcp4 -c "$files/configuration"
    SERVER=$STARTED
}

serve_kea() {
    launch_kea
    wait_for 120 listens_udp "$SERVER_NAMESPACE" 67 || { tail -n 5 "$LAB_DIRECTORY/kea.out"; exit 1; }
    sleep 0.5
}

fresh_kea() {
    prepare_kea
    serve_kea
}
