#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The boot plane by HTTP: whole files, parts of files, conditions, refusals.
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin ht
FILES="$LAB_DIRECTORY/content"
mkdir -p "$FILES"
head -c 100000 /dev/urandom >"$FILES/file.bin"
head -c 5000 /dev/urandom >"$FILES/loader.efi"
head -c 33554432 /dev/urandom >"$FILES/big"
: >"$FILES/empty"
echo secret >"$LAB_DIRECTORY/secret"
ln -s "$LAB_DIRECTORY/secret" "$FILES/link-out"
chmod -R a+rX "$LAB_DIRECTORY"

lan 2
configure "content: { local: $FILES }"
serve_site < <(ordinary_site)
wait_for 5 listens_tcp server 8080
address c1 10.77.1.1/16
get() { at c1 curl -sS -m 20 "$@"; }
status() { get -o /dev/null -w '%{http_code}' "$@"; }
sum() { sha256sum | cut -d' ' -f1; }
FILE_URL="$BOOT_URL/local/file.bin"

expect_equal "a whole file" "$(sum <"$FILES/file.bin")" "$(get "$FILE_URL" | sum)"
expect_equal "an empty file" "200 0" "$(get -o /dev/null -w '%{http_code} %{size_download}' "$BOOT_URL/local/empty")"
heads=$(get -I "$FILE_URL")
expect "HEAD: status" '^HTTP/1\.1 200' "$heads"
expect "HEAD: exact length" '^[Cc]ontent-[Ll]ength: 100000' "$heads"
expect "HEAD: ranges are offered" '^[Aa]ccept-[Rr]anges: bytes' "$heads"
expect "HEAD: an ETag" '^[Ee][Tt]ag: "' "$heads"
expect "HEAD: a date of change" '^[Ll]ast-[Mm]odified: ' "$heads"
expect_none "HEAD: nothing chunked" '^[Tt]ransfer-[Ee]ncoding' "$heads"
expect_none "HEAD: no empty header value (UEFI hangs on one)" '^[A-Za-z-]+: *.?$' "$heads"
same_headers() { get -D - -o /dev/null "$@" "$FILE_URL" | tr -d '\r' | grep -viE '^date:' | sort; }
expect_equal "HEAD and GET have the same headers" "$(same_headers)" "$(same_headers -I)"
said=$(get -v -I "$FILE_URL" --next -sS -v -o /dev/null "$FILE_URL" 2>&1)
expect "the connection outlives a HEAD" '[Rr]e-using existing' "$said"
expect "an .efi file has its type" '^[Cc]ontent-[Tt]ype: application/efi' "$(get -I "$BOOT_URL/local/loader.efi")"

part() { get -r "$1" "$FILE_URL" | sum; }
expect_equal "a range" "$(tail -c +101 "$FILES/file.bin" | head -c 100 | sum)" "$(part 100-199)"
expect_equal "an open range" "$(tail -c +99901 "$FILES/file.bin" | sum)" "$(part 99900-)"
expect_equal "the last bytes" "$(tail -c 500 "$FILES/file.bin" | sum)" "$(part -500)"
expect "a range says what it is" '^[Cc]ontent-[Rr]ange: bytes 100-199/100000' \
    "$(get -D - -o /dev/null -r 100-199 "$FILE_URL")"
expect_equal "a range: 206" 206 "$(status -r 0-0 "$FILE_URL")"
expect_equal "a range beyond the end: 416" 416 "$(status -r 100000- "$FILE_URL")"
etag=$(grep -ioE '^etag: .*' <<<"$heads" | cut -d' ' -f2- | tr -d '\r')
expect_equal "If-None-Match with its ETag: 304" 304 "$(status -H "If-None-Match: $etag" "$FILE_URL")"
expect_equal "If-Range with its ETag: the part" 206 "$(status -r 0-9 -H "If-Range: $etag" "$FILE_URL")"
expect_equal "If-Range with another: the whole" 200 "$(status -r 0-9 -H 'If-Range: "other"' "$FILE_URL")"

expect_equal "not there: 404" 404 "$(status "$BOOT_URL/local/nothing")"
for path in "local/../secret" "local/%2e%2e/secret" "local/..%2fsecret" "local/link-out" "..$LAB_DIRECTORY/secret"; do
    code=$(status --path-as-is "$BOOT_URL/$path")
    expect "outside the set: $path" '^(400|403|404)$' "$code"
done
expect "a write is refused" '^(403|404|405)$' "$(status -X PUT --data x "$FILE_URL")"
expect "a machine that nobody knows, where such are taken in, has a script" '^#!ipxe' \
    "$(get "$BOOT_URL/b/52-54-00-aa-bb-cc")"
expect_equal "and no answers" 403 "$(status "$BOOT_URL/b/52-54-00-aa-bb-cc/a/preseed.cfg")"
expect_equal "a small file for balancers to look at" 200 "$(status "$BOOT_URL/probe")"
expect_equal "content that nobody has: 404" 404 "$(status "$BOOT_URL/c/$(sum </dev/null)")"
expect "the API is not on the boot listener" '^(403|404)$' "$(status "$BOOT_URL/api/v1/site")"
said=$(printf 'GET /local/file.bin HTTP/1.0\r\n\r\n' | at c1 timeout 5 busybox nc "$SERVER_ADDRESS" 8080 | head -n 1)
expect "HTTP/1.0 is understood" '^HTTP/1\.[01] 200' "$said"

for i in $(seq 8); do
    at c1 curl -sS -m 60 -o "$LAB_DIRECTORY/big.$i" "$BOOT_URL/local/big" &
    crowd[i]=$!
done
for i in $(seq 8); do wait "${crowd[i]}"; done
same_count=0
for i in $(seq 8); do cmp -s "$LAB_DIRECTORY/big.$i" "$FILES/big" && same_count=$((same_count + 1)); done
expect_equal "8 downloads of 32 MiB at once" 8 "$same_count"

# A file that is replaced while it is fetched: the old one or the new one, never a mixture.
at c1 curl -sS -m 60 --limit-rate 20M -o "$LAB_DIRECTORY/replaced" "$BOOT_URL/local/big" &
slow=$!
sleep 0.5
cp "$FILES/big" "$LAB_DIRECTORY/before"
head -c 33554432 /dev/urandom >"$FILES/big.new" && mv "$FILES/big.new" "$FILES/big"
wait "$slow"
if cmp -s "$LAB_DIRECTORY/replaced" "$LAB_DIRECTORY/before" || cmp -s "$LAB_DIRECTORY/replaced" "$FILES/big"; then
    ok "a file replaced during its download"
else
    fail "a file replaced during its download" "the download is neither the old file nor the new one"
fi
expect_equal "the new file is served from then on" "$(sum <"$FILES/big")" "$(get "$BOOT_URL/local/big" | sum)"
group_done
