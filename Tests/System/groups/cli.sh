#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command line, as an operator uses it: apply, look, change, undo, ask why, and make mistakes.
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin co
lan 1
configure
serve || { fail "the server starts" "$(tail -n 5 "$LAB_DIRECTORY/server.log")"; group_done; }
SITE="$LAB_DIRECTORY/my-site.yaml"
MAC=52:54:00:12:34:56
cat >"$SITE" <<YAML
networks:
  rack1:
    unknown: lease
    options: { routers: [10.77.0.254] }
    subnets:
      - subnet: 10.77.0.0/16
        pools: [10.77.10.0-10.77.19.255]
reservations:
  - { network: rack1, address: 10.77.0.20, mac: "$MAC", hostname: web1 }
machines:
  web1: { macs: ["$MAC"], intent: local }
YAML

expect "version" '^ondeck [0-9]' "$("$ONDECK" version)"
expect "help names the commands" 'apply' "$("$ONDECK" --help)"
check "bash completion" sh -c "'$ONDECK' --generate-completion-script bash | bash -n"
check "check-config of a good file" "$ONDECK" check-config --config "$LAB_DIRECTORY/ondeck.yaml"
printf 'data: /tmp\nhttp: { port: 99999 }\ntftpp: {}\n' >"$LAB_DIRECTORY/bad.yaml"
check_fails "check-config: a bad value, with its line" 'bad\.yaml:2' \
    "$ONDECK" check-config --config "$LAB_DIRECTORY/bad.yaml"
check_fails "check-config: an unknown key, with its line" 'bad\.yaml:3' \
    "$ONDECK" check-config --config "$LAB_DIRECTORY/bad.yaml"
check_fails "serve refuses the same file" 'bad\.yaml:2' timeout 10 "$ONDECK" serve --config "$LAB_DIRECTORY/bad.yaml"

# Apply.
said=$(ondeck diff -f "$SITE")
expect "diff: what would be created" 'rack1' "$said"
expect_equal "diff changed nothing" "" "$(ondeck get networks -o json | "$TOOLS/json-find" name kind=network)"
check "apply --dry-run" ondeck apply --dry-run -f "$SITE"
expect_equal "--dry-run changed nothing" "" "$(ondeck get networks -o json | "$TOOLS/json-find" name kind=network)"
check "apply" ondeck apply -f "$SITE"
expect_equal "and it is there" rack1 "$(ondeck get networks -o json | "$TOOLS/json-find" name kind=network)"
said=$(ondeck apply -f "$SITE")
expect "apply again: nothing to do" 'unchanged|[Nn]othing|no change' "$said"
ondeck export -o yaml >"$LAB_DIRECTORY/export.yaml"
expect "export has the network" 'rack1' "$(cat "$LAB_DIRECTORY/export.yaml")"
expect "an export applies without a change" 'unchanged|[Nn]othing|no change' \
    "$(ondeck apply --prune -f "$LAB_DIRECTORY/export.yaml")"
check "export as JSON" sh -c "ip netns exec $LAB_PREFIX-server env ONDECK_TOKEN_FILE='$DATA/api-token' '$ONDECK' export -o json |
    python3 -m json.tool"
sed -i 's/hostname: web1/hostname: web-one/' "$SITE"
expect "diff of a change names the field, old and new" 'web-one' "$(ondeck diff -f "$SITE")"
check "apply the change" ondeck apply -f "$SITE"

# Mistakes, with the line where they are.
mistake() {
    local what=$1 pattern=$2 edit=$3
    sed "$edit" "$SITE" >"$LAB_DIRECTORY/wrong.yaml"
    check_fails "$what" "$pattern" ondeck apply -f "$LAB_DIRECTORY/wrong.yaml"
}
mistake "a pool outside its subnet: file and line" 'wrong\.yaml:7' 's/pools: .*/pools: [10.99.0.1-10.99.0.9]/'
mistake "an unknown key: file and line, and what was meant" 'wrong\.yaml:6.*' 's/- subnet:/- subnett:/'
mistake "an address that is none" 'wrong\.yaml:9' 's/10\.77\.0\.20/10.77.0.999/'
mistake "a MAC address that is none" 'wrong\.yaml:9' 's/mac: "[^"]*"/mac: "52:54"/'
mistake "an environment that does not exist" 'wrong\.yaml:11.*debain' 's/intent: local/intent: install debain-12/'
mistake "YAML that is none: file and line" 'wrong\.yaml:[0-9]' 's/^networks:/networks: [/'
expect_equal "after all that the site is as it was" web-one \
    "$(ondeck get reservations -o json | grep -oE 'web-one' | head -n 1)"
check_fails "a file that is not there" 'nothing\.yaml' ondeck apply -f nothing.yaml

# Single objects.
expect "get a kind" 'web1' "$(ondeck get machines)"
expect "get one as YAML" "macs: .*$MAC" "$(ondeck get machine web1 -o yaml)"
check_fails "get one that is not there" 'web2' ondeck get machine web2
check "set" ondeck set machine web2 macs=52:54:00:00:00:02 intent=hold
expect "and it is there" '52:54:00:00:00:02' "$(ondeck get machine web2 -o json)"
check_fails "set with a wrong value" 'intent' ondeck set machine web2 intent=dance
check "delete" ondeck delete machine web2
check_fails "and it is gone" 'web2' ondeck get machine web2
check_fails "delete what is not there" 'web2' ondeck delete machine web2

# Prune.
ondeck set machine web3 intent=local >/dev/null
ondeck apply -f "$SITE" >/dev/null
check "apply without --prune leaves what the file does not name" ondeck get machine web3
ondeck apply --prune -f "$SITE" >/dev/null
check_fails "apply --prune removes it" 'web3' ondeck get machine web3

# Why.
said=$(ondeck explain --mac "$MAC" --network rack1)
expect "explain: the address" '10\.77\.0\.20' "$said"
expect "explain: a stranger's" '10\.77\.1[0-9]\.' "$(ondeck explain --mac 52:54:00:aa:aa:aa --network rack1)"
expect_equal "explain stores nothing" "" "$(lease_of 52:54:00:aa:aa:aa)"

# Leases.
address c1 10.77.1.1/16
dhcp c1 dora --mac 52:54:00:00:0c:01 >/dev/null
LEASED=$(lease_of 52:54:00:00:0c:01)
expect "lease list" "$LEASED" "$(ondeck lease list)"
expect "lease list --mac" "$LEASED" "$(ondeck lease list --mac 52:54:00:00:0c:01)"
expect_none "lease list --mac of another" "$LEASED" "$(ondeck lease list --mac 52:54:00:00:0c:02)"
check "lease delete" ondeck lease delete "rack1/$LEASED"
expect_equal "and it is gone" "" \
    "$(ondeck lease list -o json | "$TOOLS/json-find" address mac=52:54:00:00:0c:01 state=bound)"
expect "watch shows what has happened" 'DISCOVER|OFFER' "$(timeout 3 ip netns exec "$LAB_PREFIX-server" env \
    ONDECK_TOKEN_FILE="$DATA/api-token" "$ONDECK" watch --since 0 --mac 52:54:00:00:0c:01)"

# The API behind it.
expect_equal "without a token: 401" 401 \
    "$(at server curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8081/api/v1/site)"
expect_equal "the token file is for its owner alone" 600 "$(stat -c %a "$DATA/api-token")"
check_fails "a wrong token is named as such" 'token|401|[Uu]nauthor' \
    at server env ONDECK_TOKEN=wrong "$ONDECK" get machines
check_fails "no server: says so, and where" '127\.0\.0\.1:9' at server env ONDECK_TOKEN=x \
    "$ONDECK" get machines --api http://127.0.0.1:9
etag=$(api GET /api/v1/machines/web1 -D - -o /dev/null | grep -ioE '^etag: .*' | cut -d' ' -f2- | tr -d '\r')
expect_equal "If-Match with an old ETag: 412" 412 "$(api PUT /api/v1/machines/web1 -o /dev/null -w '%{http_code}' \
    -H 'If-Match: "0"' -H 'Content-Type: application/json' --data '{"intent":"hold"}')"
expect_equal "If-Match with its ETag: done" 200 "$(api PUT /api/v1/machines/web1 -o /dev/null -w '%{http_code}' \
    -H "If-Match: $etag" -H 'Content-Type: application/json' --data "{\"macs\":[\"$MAC\"],\"intent\":\"hold\"}")"
said=$(api PUT /api/v1/machines/web1 -H 'Content-Type: application/json' --data '{"intent":"dance"}')
expect "a problem names its field" '"field" ?: ?"[^"]*intent' "$said"
expect_equal "livez needs no token" 200 \
    "$(at server curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8081/livez)"
metrics=$(api GET /metrics)
expect "metrics count DHCP" '^ondeck_[a-z_]*dhcp' "$metrics"
expect_none "no metric has a client in its labels" '52:54:00' "$metrics"

# It stops when told to, quickly and cleanly.
began=$(now_ms)
kill "$SERVER"
wait "$SERVER"
expect_equal "SIGTERM: exit status 0" 0 "$?"
expect_below "SIGTERM: it ends within" 5000 $(($(now_ms) - began)) ms
group_done
