# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Balancers in front of the three nodes, in the namespace "proxy" (10.77.0.8 on the LAN): HAProxy and nginx with the
# configurations of contrib/, with our addresses in the stead of theirs. Source it after content.sh.
#
#     :80  the boot listeners      :8081  the APIs

CONTRIB="$SYSTEM/../../contrib"
PROXY_PROCESS=""

proxy_plug() {
    namespace proxy
    plug lan proxy eth0 "$PROXY_ADDRESS/16"
    mkdir -p "$LAB_DIRECTORY/proxy"
}

# haproxy_configuration proxy-v2|proxy-v1|x-forwarded: as contrib has it (proxy-v2), or with the older header; or boot files
# by HTTP as well, where what the client says of itself is passed on, as many do it.
haproxy_configuration() {
    local ours
    ours=$(sed -E "s|10\.0\.0\.([123]:)|10.77.0.\1|; s|bind :|bind $PROXY_ADDRESS:|" "$CONTRIB/haproxy.cfg")
    case $1 in
    proxy-v2) echo "$ours" ;;
    proxy-v1) sed -E 's/ send-proxy-v2 / send-proxy /; s/ proxy-v2-options [^ ]+//' <<<"$ours" ;;
    x-forwarded)
        sed -E 's/ send-proxy-v2 check-send-proxy proxy-v2-options [^ ]+//; s/mode tcp/mode http/
            /^frontend boot/a\    option forwardfor' <<<"$ours"
        ;;
    esac
}

# haproxy_start MODE
haproxy_start() {
    haproxy_configuration "$@" >"$LAB_DIRECTORY/proxy/haproxy.cfg"
    start proxy haproxy.log haproxy -db -f "$LAB_DIRECTORY/proxy/haproxy.cfg"
    PROXY_PROCESS=$STARTED
    wait_for 10 proxy_up || { fail "HAProxy starts" "$(tail -n 5 "$LAB_DIRECTORY/haproxy.log")"; group_done; }
}
proxy_up() { listens_tcp proxy 80 && at proxy curl -fsS -m 2 -o /dev/null "http://$PROXY_ADDRESS/probe"; }
proxy_stop() { stop "$PROXY_PROCESS"; }

nginx_configuration() {
    sed -E "s|10\.0\.0\.([123]:)|10.77.0.\1|; s|listen ([0-9]+)|listen $PROXY_ADDRESS:\1|
        /^http \{/a client_body_temp_path $LAB_DIRECTORY/proxy/1; proxy_temp_path $LAB_DIRECTORY/proxy/2; \\
            fastcgi_temp_path $LAB_DIRECTORY/proxy/3; uwsgi_temp_path $LAB_DIRECTORY/proxy/4; scgi_temp_path $LAB_DIRECTORY/proxy/5;" \
        "$CONTRIB/nginx.conf"
}

nginx_start() {
    nginx_configuration >"$LAB_DIRECTORY/proxy/nginx.conf"
    start proxy nginx.log nginx -c "$LAB_DIRECTORY/proxy/nginx.conf" \
        -g "daemon off; pid $LAB_DIRECTORY/proxy/nginx.pid; error_log $LAB_DIRECTORY/proxy/nginx.errors;"
    PROXY_PROCESS=$STARTED
    wait_for 10 proxy_up || { fail "nginx starts" "$(tail -n 5 "$LAB_DIRECTORY/nginx.log")"; group_done; }
}
