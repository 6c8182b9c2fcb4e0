#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whom DHCP answers and scripts name: healthy nodes that have what the machine boots, nearest first, spread over the
# machines, endpoints where there are some; and who gets a machine's script and answers.
. "$(dirname "$0")/../lib/boots.sh"
lab_begin ta
STORM_MACHINES=60
boot_files
site() { # site [LINE...]: these lines besides, in the network
    boots_site | awk -v more="$(printf '    %s\\n' "$@")" '{ print } /^    lease:/ && more != "    \n" { printf more }'
    cat <<YAML
images:
  only: { placement: { nodes: [n2] } }
locations:
  rack: { nodes: [n1, n2, n3] }
YAML
}
content_cluster 2 < <(site)
own_the_pool c1
address c2 10.77.2.2/16

# offered NUMBER: what simulated machine NUMBER is offered as firmware and as iPXE.
offered() { dhcp c1 discover --mac "$(storm_mac "$1")" --arch 7 --wait 2 "${@:2}"; }
siaddr_of() { offered "$1" | grep -oE 'siaddr [0-9.]+' | head -n 1 | cut -d' ' -f2; }
script_url() { offered "$1" --ipxe | grep -oE 'file http[^ ]+' | head -n 1 | cut -d' ' -f2; }
all_targets() { local i; for i in $(seq 0 23); do siaddr_of "$i"; done; }

# Spread, and the same for firmware and iPXE.
seen=$(all_targets)
for i in 1 2 3; do
    expect "of 24 machines some are sent to n$i" '^([3-9]|1[0-9])$' "$(grep -c "10.77.0.$i$" <<<"$seen")"
done
expect_equal "and once more: each to the same node" "$seen" "$(all_targets)"
url=$(script_url 5)
expect "a script's URL names the same node" "//$(siaddr_of 5):8080/" "$url"
A=$(holder lan)
A=${A#n}
next=$((A % 3 + 1))
on_node 1 cluster handover lan --to "n$next" >/dev/null 2>&1
wait_for 5 serves lan "$next"
expect_equal "another node answers: the targets are the same" "$seen" "$(all_targets)"

# Drained, and silent in one service.
check "n2 is drained as a target" on_node 1 target drain n2
sleep 1
expect_none "nobody is sent there" '10\.77\.0\.2$' "$(all_targets)"
expect "ondeck targets says why" 'n2.*drain|drain.*n2' "$(on_node 3 targets 2>&1 | tr '\n' ' ')"
moved=$(diff <(echo "$seen") <(all_targets) | grep -c '^<')
expect_equal "only its own machines moved" "$(grep -c '10.77.0.2$' <<<"$seen")" "$moved"
check "undo" on_node 1 target drain n2 --undo
sleep 1
expect_equal "all is as before" "$seen" "$(all_targets)"
kill -STOP "${NODE_PROCESS[2]}"
sleep 1.6
expect_none "n2 hangs: nobody is sent there" '10\.77\.0\.2$' "$(all_targets)"
kill -CONT "${NODE_PROCESS[2]}"
wait_for 15 node_ready 2
sleep 2
expect_equal "n2 goes on: all is as before" "$seen" "$(all_targets)"
at n2 nft "add table ip cut; add chain ip cut in { type filter hook input priority 0; };
    add rule ip cut in iifname eth0 tcp dport 8080 drop; add rule ip cut in iifname eth1 tcp dport 8080 drop"
sleep 2.5
expect_none "n2's HTTP is cut off: no script names it first" '//10\.77\.0\.2:' \
    "$(for i in $(seq 0 11); do script_url "$i"; done)"
at n2 nft flush ruleset
sleep 2

# What a machine boots, and who has it.
mkdir -p "$LAB_DIRECTORY/only.d"
random_file "$LAB_DIRECTORY/only.d/linux" 2
check "an image on n2 only" on_node 1 content add only --file "$LAB_DIRECTORY/only.d/linux"
check "n2 holds it" wait_for 20 holds 1 only 2
on_node 1 apply -f - >"$LAB_DIRECTORY/applied" 2>&1 < <(site | sed 's|sets/storm-kernel|only/linux|') ||
    fail "the site is changed" "$(tail -n 3 "$LAB_DIRECTORY/applied")"
sleep 1.5
# n1, which it was given to, may have it as well.
expect_none "who boots it is not sent to who has it not" '//10\.77\.0\.3:' "$(for i in $(seq 0 11); do script_url "$i"; done)"
expect "ondeck targets says what they are passed over for" 'only' "$(on_node 1 targets --mac "$(storm_mac 5)" 2>&1)"
on_node 1 apply -f - >/dev/null 2>&1 < <(site)
sleep 1

# The script: several servers, in order; and whom it is given to.
url=$(script_url 5)
lease=$(dhcp c1 dora --mac "$(storm_mac 5)" --arch 7 --ipxe | grep -oE '^ACK [0-9.]+' | cut -d' ' -f2)
ask() { at c1 curl -sS -m 5 --interface "$1" -o "$LAB_DIRECTORY/asked" -w '%{http_code}' "$2" 2>&1; }
expect_equal "its own URL, from its own address" 200 "$(ask "$lease" "$url")"
for i in 1 2 3; do expect "the script knows n$i" "set base[0-9] http://10.77.0.$i:8080" "$(cat "$LAB_DIRECTORY/asked")"; done
expect_equal "the order is the one of its DHCP answer" "$(cut -d/ -f3 <<<"$url")" \
    "$(grep -m 1 -E '^set base1 ' "$LAB_DIRECTORY/asked" | cut -d/ -f3)"
bare="http://10.77.0.1:8080/b/$(storm_mac 5 | tr : -)"
expect_equal "without a token, from its own address" 200 "$(ask "$lease" "$bare")"
expect_equal "without a token, from another: refused" 403 "$(ask 10.77.1.1 "$bare")"
expect_equal "with its token, from another: what it has is enough" 200 "$(ask 10.77.1.1 "$url")"
expect_equal "another machine's token" 403 "$(ask 10.77.1.1 "http://10.77.0.1:8080/b/$(storm_mac 6 | tr : -).${url##*.}")"
expect_equal "a token with a letter changed" 403 "$(ask 10.77.1.1 "${url%?}$([ "${url: -1}" = a ] && echo b || echo a)")"
expect "a stranger who guesses is in the log" "$(storm_mac 5)|${bare##*/}" "$(timeline 1 | grep -iE 'refused|stranger|token')"
expect_none "tokens are in no log" "${url##*.}" "$(cat "$LAB_DIRECTORY"/n*.log)"

# Endpoints.
on_node 1 apply -f - >"$LAB_DIRECTORY/applied" 2>&1 < <(site 'endpoints: ["http://10.77.0.200", nodes]') ||
    fail "endpoints are taken" "$(tail -n 3 "$LAB_DIRECTORY/applied")"
sleep 2.5
expect "an endpoint that does not answer is passed over" '//10\.77\.0\.[123]:8080/' "$(script_url 5)"
namespace balancer
plug lan balancer eth0 10.77.0.200/16
start balancer balancer.log socat TCP-LISTEN:80,fork,reuseaddr TCP:10.77.0.3:8080
wait_for 5 listens_tcp balancer 80
sleep 2.5
expect "one that does is named first" '//10\.77\.0\.200/' "$(script_url 5)"
expect "TFTP goes to a node even so" '^10\.77\.0\.[123]$' "$(siaddr_of 5)"
expect "explain shows it" '10\.77\.0\.200' \
    "$(asked=$(holder lan); on_node "${asked#n}" explain --mac "$(storm_mac 5)" --arch x64-uefi 2>&1)"
stop "$STARTED"
sleep 2.5
expect "it dies: the nodes are named" '//10\.77\.0\.[123]:8080/' "$(script_url 5)"
group_done
