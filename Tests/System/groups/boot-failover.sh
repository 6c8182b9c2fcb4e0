#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The node that serves a machine fails while the machine downloads its kernel, and while it downloads its initrd: a real
# iPXE boots to the end from another node. usage: boot-failover.sh direct|haproxy [silent]
#   direct    machines know the nodes' own addresses; files are in a directory of every node
#   haproxy   machines know a load balancer's address (HAProxy), then the nodes; files are an image of the content store
#   silent    the node is not killed (kill -9), but falls silent, without a refusal: its cable is cut during the kernel's
#             download, and it hangs (SIGSTOP) during the initrd's
# LONG=1: on a link that makes each download last 10 s.   FIRMWARE=uefi: OVMF and Debian's iPXE instead of the ROM's
. "$(dirname "$0")/../lib/boots.sh"
VARIANT=${1:-direct}
FAULT=${2:-killed}
ADDED_MAX=5    # seconds that a node that fails may add to a boot
MOVED_MAX=3000 # milliseconds until another node serves the machine, 1.6 s on an idle computer
lab_begin "bf"
STORM_MACHINES=0
boot_files
PEER=()
site() { boots_site; }
case $VARIANT in
haproxy)
    . "$SYSTEM/lib/proxies.sh"
    SET=test-os
    PEER=("$PROXY_ADDRESS")
    site() { boots_site | sed "s|^    lease: 1h|    endpoints: [\"http://$PROXY_ADDRESS\", nodes]\n&|"; }
    NODE_LINES=()
    HTTP_LINE="http: { listen: 0.0.0.0, port: 8080, trusted: [$PROXY_ADDRESS], proxy-protocol: true }"
    ;;
esac
content_cluster 1 < <(site)

if [ "$VARIANT" = haproxy ]; then
    proxy_plug
    haproxy_start proxy-v2
    mkdir "$LAB_DIRECTORY/image"
    cp "$LAB_DIRECTORY/sets/linux" "$LAB_DIRECTORY/sets/initrd.test" "$LAB_DIRECTORY/image"
    bsdtar -C "$LAB_DIRECTORY/image" -cf "$LAB_DIRECTORY/test-os.tar" linux initrd.test
    check "the image is brought in" on_node 1 content add test-os --file "$LAB_DIRECTORY/test-os.tar"
    for i in 1 2 3; do check "n$i holds it" wait_for 30 holds 1 test-os "$i"; done
fi

# went_well WHAT: after is_up.
went_well() {
    if [ -n "$BOOT_MS" ]; then
        expect_equal "$1: everything arrived as it was sent" "$BOOT_LINE" "$BOOT_SAID"
    else
        fail "$1: the machine boots to the end" "$(boot_trouble)"
        console >"$LAB_DIRECTORY/$1.console"
    fi
}

switch_on undisturbed
is_up
went_well "undisturbed"
UNDISTURBED=$LOAD_MS
echo "        undisturbed: $BOOT_MS ms from power-on, $LOAD_MS ms from the kernel's download over $BOOT_RATE to its first line"
[ -n "$UNDISTURBED" ] || group_done

for file in linux initrd.test; do
    switch_on "$file"
    find_server "$file" "${PEER[@]}"
    what="$VARIANT, $file"
    if [ -z "$KILLED" ]; then
        fail "$what: somebody serves it" "$(boot_trouble)"
        power_off
        continue
    fi
    case $FAULT,$file in
    silent,linux) isolate lan "n${KILLED}eth0" ;;
    silent,*) kill -STOP "${NODE_PROCESS[$KILLED]}" ;;
    *) kill_node "$KILLED" ;;
    esac
    FAILED_AT=$(now_ms)
    moved=""
    ! wait_for 20 another_serves "$KILLED" || moved=$(($(now_ms) - FAILED_AT))
    expect_below "$what: another node serves it after" "$MOVED_MAX" "$moved" ms
    is_up
    went_well "$what: n$KILLED is $FAULT"
    [ -z "$LOAD_MS" ] || expect_below "$what: added to the boot" "$ADDED_MAX" \
        "$(awk -v a="$LOAD_MS" -v b="$UNDISTURBED" 'BEGIN { printf "%.1f", (a - b) / 1000 }')" s
    if [ "$VARIANT" = direct ]; then
        expect "$what: the console says what failed" 'OnDeck:.*(failed|error|next)' "$(console)"
    fi
    case $FAULT,$file in
    silent,linux) heal lan ;;
    silent,*) kill -CONT "${NODE_PROCESS[$KILLED]}" ;;
    *) back "$KILLED" ;;
    esac
    sleep 1
done
group_done
