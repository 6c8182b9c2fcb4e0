#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Clients that nobody wants on the boot listener: odd names and headers, slow readers and writers, ten thousand idle
# connections. A clear refusal or patience; memory stays bounded; the others do not notice.
# IDLE=10000   LONG=1: everything for a minute
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin hh
IDLE=${IDLE:-10000}
SECONDS_EACH=$([ -n "${LONG:-}" ] && echo 60 || echo 8)
MEMORY_MAX=$((160 * 1024)) # KiB above idle: 16 KiB a connection
FILES="$LAB_DIRECTORY/content"
mkdir -p "$FILES"
head -c 100000 /dev/urandom >"$FILES/file.bin"
head -c 134217728 /dev/zero | openssl enc -aes-128-ctr -pass pass:x -nosalt -pbkdf2 >"$FILES/big" 2>/dev/null
chmod -R a+rX "$LAB_DIRECTORY"
lan 3
configure "content: { sets: $FILES }"
ulimit -n "$((IDLE + 2000))" 2>/dev/null
serve_site < <(ordinary_site)
wait_for 5 listens_tcp server 8080
for i in 1 2 3; do address "c$i" "10.77.1.$i/16"; done
hostile() { at c1 "$TOOLS/hostile-http" "$@"; }
FILE_SUM=$(sha256sum <"$FILES/file.bin")
is_well() { is_running "$SERVER" && [ "$(at c2 curl -sS -m 5 "$BOOT_URL/sets/file.bin" | sha256sum)" = "$FILE_SUM" ]; }
# mebibytes a second of one whole download, and whether it is right
download() {
    rm -f "$LAB_DIRECTORY/big"
    at c2 curl -sS -m 15 -o "$LAB_DIRECTORY/big" -w '%{speed_download}' "$BOOT_URL/sets/big" |
        awk '{ printf "%.0f", $1 / 1048576 }'
}
# The best of three: what else the machine does is nothing to us.
fastest() { for _ in 1 2 3; do download; echo; done | sort -n | tail -n 1; }
downloads_right() { cmp -s "$LAB_DIRECTORY/big" "$FILES/big"; }

check "well at first" is_well
download >/dev/null
ALONE=$(fastest)
ok "a download with nobody else there" "$ALONE MiB/s"

# 1. Every odd request that we know.
hostile requests 10.77.0.1 8080 --path /sets/file.bin --report "$LAB_DIRECTORY/requests.json" >"$LAB_DIRECTORY/requests" 2>&1
said=$(cat "$LAB_DIRECTORY/requests")
expect_none "nothing of the host leaks" 'LEAKED' "$said"
count=$(grep -c ' ' <<<"$said")
expect_below "odd requests were sent" 0 "-$count"
expect_none "no request is a fault of ours (5xx)" ' 5[0-9][0-9]$' "$said"
answer_to() { "$TOOLS/json-find" "$1" <"$LAB_DIRECTORY/requests.json"; }
for name in up-1 up-3-encoded up-12-slash-encoded up-3-twice-encoded up-3-backslash up-3-overlong absolute nul nul-raw newline \
    control unicode not-utf8 surrogate long-8k long-64k deep digest-short digest-up digest-unknown token-long; do
    expect "$name: refused" '^(400|403|404|414|431|closed)$' "$(answer_to "$name")"
done
for name in header-64k header-1m headers-20000 length-twice length-negative length-huge length-and-chunked header-no-colon \
    header-space-name version-9 method-odd tls-hello http2-preface proxy-v1 proxy-v2; do
    expect "$name: refused" '^(4[0-9][0-9]|closed)$' "$(answer_to "$name")"
done
for name in forwarded-odd forwarded-many ranges-1000 range-odd range-huge; do
    expect "$name: borne or refused" '^(200|206|400|416|431)$' "$(answer_to "$name")"
done
check "well after it" is_well

# 2. TFTP names of the same kind.
for name in "../../../etc/passwd" "sets/../../etc/passwd" "sets/file.bin%00" "$(head -c 480 /dev/zero | tr '\0' a)" "sets/größe"; do
    rm -f "$LAB_DIRECTORY/tftp"
    at c2 timeout 5 atftp --get --remote-file "$name" --local-file "$LAB_DIRECTORY/tftp" 10.77.0.1 69 >/dev/null 2>&1
    expect_none "TFTP gives nothing: ${name:0:24}" 'root:' "$(cat "$LAB_DIRECTORY/tftp" 2>/dev/null)"
done

# hold_on WHAT ARGUMENTS...: a crowd in the background, in place when this returns.
hold_on() {
    rm -f "$LAB_DIRECTORY/crowd"
    hostile "$@" --seconds 600 <"$LAB_DIRECTORY/hold" >"$LAB_DIRECTORY/crowd" 2>&1 &
    CROWD=$!
    LAB_PROCESSES+=("$CROWD")
    exec 9>"$LAB_DIRECTORY/hold"
    wait_for 60 grep -q '^open' "$LAB_DIRECTORY/crowd"
}
let_go() {
    exec 9>&-
    wait "$CROWD"
}
mkfifo "$LAB_DIRECTORY/hold"

# 3. Ten thousand that connect and say nothing; then as many that stop in the middle of their first line.
for half in "" --half; do
    what="$IDLE idle connections${half:+ in the middle of a request}"
    before=$(resident_kib "$SERVER")
    # shellcheck disable=SC2086  # a flag or nothing
    hold_on idle 10.77.0.1 8080 --count "$IDLE" --path /sets/file.bin $half
    open=$(grep -oE '^open [0-9]+' "$LAB_DIRECTORY/crowd" | cut -d' ' -f2)
    echo "        $(head -n 1 "$LAB_DIRECTORY/crowd")"
    [ -n "$half" ] || expect_below "$what: are let in, or refused clearly" 0 "-${open:-0}"
    sleep 1
    check "$what: the server answers others" is_well
    speed=$(fastest)
    check "$what: a download meanwhile is right" downloads_right
    expect_below "$what: and nearly as fast ($speed beside $ALONE MiB/s; the part lost)" 0.5 \
        "$(awk -v a="$speed" -v b="$ALONE" 'BEGIN { print 1 - a / b }')"
    expect_below "$what: memory" "$MEMORY_MAX" "$(($(resident_kib "$SERVER") - before))" KiB
    expect "$what: DHCP goes on" '^(OFFER|ACK)' "$(dhcp c3 discover --wait 3)"
    busy=$(cpu_ticks "$SERVER")
    sleep 3
    expect_below "$what: they cost no CPU" 30 "$((($(cpu_ticks "$SERVER") - busy) / 3))" percent
    # All of them close in one moment; another client asks all the while.
    at c2 "$TOOLS/hostile-http" ask 10.77.0.1 8080 --path /probe --seconds 5 >"$LAB_DIRECTORY/asked" 2>&1 &
    asker=$!
    sleep 1
    let_go
    wait "$asker"
    echo "        $(tail -n 1 "$LAB_DIRECTORY/asked")"
    expect "$what: close all at once, and others are answered" '^answers [1-9][0-9]* others 0 ' "$(cat "$LAB_DIRECTORY/asked")"
    expect_below "$what: close all at once, and the slowest answer to others" 500 \
        "$(sed -n 's/.*slowest //p' "$LAB_DIRECTORY/asked")" ms
done
check "well when they have gone" wait_for 15 is_well

# 4. Slow readers and slow writers.
before=$(resident_kib "$SERVER")
hold_on slow-read 10.77.0.1 8080 --count 400 --path /sets/big --rate 20
sleep "$SECONDS_EACH"
speed=$(fastest)
check "400 slow readers: a download meanwhile is right" downloads_right
expect_below "400 slow readers: and nearly as fast ($speed beside $ALONE MiB/s; the part lost)" 0.5 \
    "$(awk -v a="$speed" -v b="$ALONE" 'BEGIN { print 1 - a / b }')"
expect_below "400 slow readers: memory" "$((64 * 1024))" "$(($(resident_kib "$SERVER") - before))" KiB
let_go
before=$(resident_kib "$SERVER")
hold_on slow-send 10.77.0.1 8080 --count 400 --path /sets/file.bin --rate 4
sleep "$SECONDS_EACH"
check "400 slow writers: the server answers others" is_well
expect_below "400 slow writers: memory" "$((64 * 1024))" "$(($(resident_kib "$SERVER") - before))" KiB
let_go
sleep 1
open=$(at server ss -Htn state established 'sport = :8080' | wc -l)
expect_below "nothing is left open" 50 "$open" connections
check "well at last" is_well
expect_below "the log has not grown without end" 2000 "$(wc -l <"$LAB_DIRECTORY/server.log")" lines
group_done
