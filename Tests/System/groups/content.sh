#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Images on three nodes: brought in from files and URLs, unpacked, spread by their placement, changed, shown, cleaned up.
. "$(dirname "$0")/../lib/content.sh"
lab_begin co
MIB=$([ -n "$LONG" ] && echo 512 || echo 12)
site() {
    content_site
    cat <<YAML
locations:
  berlin: { nodes: [n1, n2], origin: true }
  bonn: { nodes: [n3] }
images:
  two: { placement: { copies: 2 } }
  here: { placement: { nodes: [n1] } }
  at-berlin: { placement: { locations: [berlin] } }
  asked: { placement: on-demand }
  passing: { placement: stream }
  afar: { placement: { central: "$ORIGIN/central" } }
YAML
}
authority ours
NODE_LINES=("content-store: { ca: $LAB_DIRECTORY/ours.pem }")
content_cluster 1 < <(site)
address c1 10.77.1.1/16
origin_start --break-after 3000000 --breaks 1

# From a file.
random_file "$LAB_DIRECTORY/up/linux" "$MIB"
random_file "$LAB_DIRECTORY/up/initrd.gz" 3
LINUX=$(sum_of "$LAB_DIRECTORY/up/linux")
said=$(on_node 1 content add plain --file "$LAB_DIRECTORY/up/linux" 2>&1)
expect_equal "add --file: ends well" 0 "$?"
expect_none "add --file: says nothing of a failure" '[Ff]ailed|[Ee]rror' "$said"
check "served at once by the node it was given to" wait_for 5 gives c1 1 plain/linux "$LINUX"
for i in 2 3; do check "n$i gets it: everywhere is the rule" wait_for 20 holds 1 plain "$i"; done
for i in 2 3; do check "n$i serves it" gives c1 "$i" plain/linux "$LINUX"; done
for i in 1 2 3; do expect "n$i's own view is the same" complete "$(state_of "$i" plain 1)"; done
# A block of 512 bytes after the other.
TFTP_SECONDS=$((30 + MIB / 2)) by_tftp c1 3 plain/linux "$LAB_DIRECTORY/by-tftp"
expect_equal "by TFTP, too" "$LINUX" "$(sum_of "$LAB_DIRECTORY/by-tftp" 2>&1)"
head -c 200 "$LAB_DIRECTORY/up/linux" >"$LAB_DIRECTORY/part"
expect_equal "a part of it" "$(sum_of "$LAB_DIRECTORY/part")" "$(fetched_sum c1 2 plain/linux -r 0-199)"
heads=$(fetch c1 2 plain/linux -I)
expect "its ETag is its digest" "[Ee][Tt]ag: \"$LINUX\"" "$heads"
expect_equal "by its digest" "$LINUX" "$(fetched_sum c1 3 "c/$LINUX")"
expect "for ever" '[Cc]ache-[Cc]ontrol:.*immutable' "$(fetch c1 3 "c/$LINUX" -I)"
expect_equal "a digest that nobody has: 404" 404 "$(fetch_status c1 3 "c/$(printf x | sum)")"
expect_equal "a file that the image does not have: 404" 404 "$(fetch_status c1 3 plain/nothing)"
expect "add again: it is there already" '[Aa]lready' "$(on_node 1 content add plain --file "$LAB_DIRECTORY/up/linux" 2>&1)"
check_fails "add with a wrong sha256" '[Ss][Hh][Aa]-?256|digest' \
    on_node 1 content add plain --file "$LAB_DIRECTORY/up/initrd.gz" --sha256 "$LINUX"
check "and what was there before is served" gives c1 2 plain/linux "$LINUX"
check_fails "an image cannot have any name" '[Nn]ame' on_node 1 content add '../evil' --file "$LAB_DIRECTORY/up/linux"
expect "content list" 'plain' "$(on_node 3 content list 2>&1)"
expect "content show names its file" "linux" "$(on_node 3 content show plain 2>&1)"

# From a URL that breaks off in the middle; packed and unpacked.
mkdir -p "$LAB_DIRECTORY/tree/install/deep"
cp "$LAB_DIRECTORY/up/linux" "$LAB_DIRECTORY/tree/install/vmlinuz"
cp "$LAB_DIRECTORY/up/initrd.gz" "$LAB_DIRECTORY/tree/install/deep/initrd.gz"
ln -s vmlinuz "$LAB_DIRECTORY/tree/install/linux"
ln -s /etc/passwd "$LAB_DIRECTORY/tree/install/outside"
bsdtar -C "$LAB_DIRECTORY/tree" -czf "$LAB_DIRECTORY/origin/os.tar.gz" install
xorriso -as mkisofs -quiet -R -J -o "$LAB_DIRECTORY/origin/os.iso" "$LAB_DIRECTORY/tree" >"$LAB_DIRECTORY/xorriso" 2>&1
INITRD=$(sum_of "$LAB_DIRECTORY/up/initrd.gz")
check "add --url, a tar that breaks off once" on_node 2 content add os --url "$ORIGIN/os.tar.gz" \
    --sha256 "$(sum_of "$LAB_DIRECTORY/origin/os.tar.gz")"
expect "it went on where it was" ' GET /os\.tar\.gz bytes=[1-9][0-9]*- 206' "$(cat "$LAB_DIRECTORY/origin.requests")"
for i in 1 2 3; do check "n$i holds it" wait_for 20 holds 1 os "$i"; done
expect_equal "a file of the tar" "$LINUX" "$(fetched_sum c1 1 os/install/vmlinuz)"
expect_equal "deeper down" "$INITRD" "$(fetched_sum c1 3 os/install/deep/initrd.gz)"
expect_equal "through a link within" "$LINUX" "$(fetched_sum c1 3 os/install/linux)"
expect_none "a link that leads out is not followed" 'root:' "$(fetch c1 1 os/install/outside 2>&1)"
check "an ISO image is unpacked" on_node 1 content add disc --url "$ORIGIN/os.iso" --unpack iso
check "n3 holds it" wait_for 20 holds 1 disc 3
expect_equal "its file" "$LINUX" "$(fetched_sum c1 3 disc/install/vmlinuz)"
check "an ISO image as it is" on_node 1 content add iso --url "$ORIGIN/os.iso" --unpack none
check "n2 holds it, too" wait_for 20 holds 1 iso 2
expect_equal "one file" "$(sum_of "$LAB_DIRECTORY/origin/os.iso")" "$(fetched_sum c1 2 iso/os.iso)"
expect "what is the same in both is kept once" "^1$" "$(find "$LAB_DIRECTORY/n2/content-store/blobs" -name "$LINUX" | wc -l)"
check_fails "a URL with a wrong sha256" '[Ss][Hh][Aa]-?256' on_node 1 content add os --url "$ORIGIN/os.iso" --sha256 "$LINUX"
expect "is seen on the image" '[Ff]ailed|[Ss][Hh][Aa]-?256' "$(on_node 2 content show os 2>&1)"
expect_equal "and what was there before is served" "$LINUX" "$(fetched_sum c1 1 os/install/vmlinuz)"
check_fails "a URL that gives 404" '404|does not have' on_node 1 content add missing --url "$ORIGIN/missing.tar"
expect "is seen on the image" '404|does not have' "$(on_node 2 content show missing 2>&1)"

# From web servers with TLS; n1 trusts the authority that its ondeck.yaml names, besides the system's.
random_file "$LAB_DIRECTORY/origin/tls" 3
TLS=$(sum_of "$LAB_DIRECTORY/origin/tls")
HTTPS=https://10.77.0.9
authority theirs
certificate right IP:10.77.0.9 30 ours
certificate unknown IP:10.77.0.9 30 theirs
certificate expired IP:10.77.0.9 -1 ours
certificate elsewhere DNS:mirror.example,IP:10.77.0.10 30 ours
web_start 8443 --certificate "$LAB_DIRECTORY/right.pem" --redirect "$ORIGIN" --break-after 1000000
web_start 8444 --certificate "$LAB_DIRECTORY/unknown.pem"
web_start 8445 --certificate "$LAB_DIRECTORY/expired.pem"
web_start 8446 --certificate "$LAB_DIRECTORY/elsewhere.pem"
web_start 8080 --redirect "$HTTPS:8443"
web_start 3128 --proxy
check "TLS: a web server that breaks off once" on_node 1 content add tls --url "$HTTPS:8443/tls"
expect "TLS: it went on where it was" ' GET /tls bytes=[1-9][0-9]*- 206' "$(cat "$LAB_DIRECTORY/web.8443")"
expect_equal "TLS: it is right" "$TLS" "$(fetched_sum c1 1 tls/tls)"
refused_tls() { # refused_tls WHAT PORT PATTERN
    check_fails "TLS: $1" "$3" on_node 1 content add "tls$2" --url "$HTTPS:$2/tls"
    expect "TLS: $1: is seen on the image" "$3" "$(on_node 2 content show "tls$2" -o json 2>&1)"
}
refused_tls "an authority that nobody knows" 8444 'not trusted'
refused_tls "an expired certificate" 8445 'not trusted'
refused_tls "a certificate for another host" 8446 'another host name'
refused_tls "no TLS there" 8000 'does not speak TLS'
check "a redirect to TLS" on_node 1 content add moved --url http://10.77.0.9:8080/elsewhere/tls
expect_equal "a redirect to TLS: it is right" "$TLS" "$(fetched_sum c1 1 moved/tls)"
check_fails "a redirect from TLS to plain HTTP is not followed" 'plain http' \
    on_node 1 content add down --url "$HTTPS:8443/elsewhere/tls"
check "but where the digest is known" on_node 1 content add down --url "$HTTPS:8443/elsewhere/tls" --sha256 "$TLS"

# Placements.
for name in two here at-berlin asked passing afar; do
    mkdir -p "$LAB_DIRECTORY/origin/central/$name"
    random_file "$LAB_DIRECTORY/$name.d/file" 4
    on_node 1 content add "$name" --file "$LAB_DIRECTORY/$name.d/file" >"$LAB_DIRECTORY/add.$name" 2>&1 ||
        fail "add $name" "$(cat "$LAB_DIRECTORY/add.$name")"
done
holders() { local i; for i in 1 2 3; do ! holds 1 "$1" "$i" || printf 'n%s ' "$i"; done; }
held_by() { [ "$(holders "$1" | wc -w)" = "$2" ]; }
check "two copies: two" wait_for 20 held_by two 2
check "on n1 only" wait_for 20 holds 1 here 1
for i in 1 2; do check "at berlin: n$i" wait_for 20 holds 1 at-berlin "$i"; done
sleep 2
expect_equal "two copies: and no more" 2 "$(holders two | wc -w)"
expect_equal "on n1: and nowhere else" "n1 " "$(holders here)"
expect_equal "at berlin: and not in bonn" "n1 n2 " "$(holders at-berlin)"
for name in two here at-berlin; do
    for i in 1 2 3; do
        expect_equal "n$i gives $name to who asks" "$(sum_of "$LAB_DIRECTORY/$name.d/file")" "$(fetched_sum c1 "$i" "$name/file")"
    done
done

# On demand and streamed: kept where the origin is, in berlin; n3 fetches it when it is asked.
for name in asked passing; do
    digest=$(sum_of "$LAB_DIRECTORY/$name.d/file")
    check "$name: nobody else has it before" has_no_blob 3 "$digest"
    expect_equal "$name: n3 is asked" "$digest" "$(fetched_sum c1 3 "$name/file")"
    expect_equal "$name: n3 is asked for a part" "$(head -c 1000 "$LAB_DIRECTORY/$name.d/file" | sum)" \
        "$(fetched_sum c1 3 "$name/file" -r 0-999)"
done
check "on demand: n3 keeps it" wait_for 5 has_blob 3 "$(sum_of "$LAB_DIRECTORY/asked.d/file")"
sleep 1
check "streamed: n3 does not" has_no_blob 3 "$(sum_of "$LAB_DIRECTORY/passing.d/file")"
expect "central only: machines are sent there" "$ORIGIN/central|30[127]" \
    "$(fetch c1 2 afar/file -I; on_node 1 content show afar 2>&1)"

random_file "$LAB_DIRECTORY/asked.d/file" 3
check "asked: a new version" on_node 1 content add asked --file "$LAB_DIRECTORY/asked.d/file"
for i in 3 2; do
    expect_equal "asked: at once, n$i has the new one" "$(sum_of "$LAB_DIRECTORY/asked.d/file")" "$(fetched_sum c1 "$i" asked/file)"
done

# A change of the placement, and of what a name stands for.
check "here: now everywhere" on_node 1 set image here placement=everywhere
for i in 2 3; do check "n$i fetches it" wait_for 20 holds 1 here "$i"; done
random_file "$LAB_DIRECTORY/here.d/file" 5
check "here: a new version" on_node 2 content add here --file "$LAB_DIRECTORY/here.d/file"
NEW=$(sum_of "$LAB_DIRECTORY/here.d/file")
for i in 1 2 3; do check "n$i gives the new one" wait_for 20 gives c1 "$i" here/file "$NEW"; done
expect "where: a table of images and nodes" 'n3' "$(on_node 1 content where 2>&1)"

# What nobody needs.
check "remove" on_node 3 content remove plain
expect_equal "removed: 404" 404 "$(sleep 1; fetch_status c1 2 plain/linux)"
check "what os still needs is there" gives c1 2 os/install/vmlinuz "$LINUX"
said=$(on_node 2 content gc --dry-run 2>&1)
expect "gc --dry-run speaks of files" '[0-9]' "$said"
check "gc" on_node 2 content gc
check "and what is needed is there" gives c1 2 os/install/vmlinuz "$LINUX"

# A node that was away.
kill_node 3
mkdir "$LAB_DIRECTORY/late"
random_file "$LAB_DIRECTORY/late/file" 4
check "added while n3 is away" on_node 1 content add late --file "$LAB_DIRECTORY/late/file"
all_proxy=http://somebody:secretword@10.77.0.9:3128 start_node 3
check "n3 comes back" wait_for 30 node_ready 3
check "n3 fetches it" wait_for 30 holds 1 late 3
expect_none "n3 has a proxy in its environment: not for other nodes" . "$(cat "$LAB_DIRECTORY/web.3128" 2>/dev/null)"
check "n3 imports through it" on_node 3 content add proxied --url "$HTTPS:8443/tls"
expect "and nowhere else" ' CONNECT 10\.77\.0\.9:8443 ' "$(cat "$LAB_DIRECTORY/web.3128")"
expect_none "and its password is in no log" 'secretword' "$(cat "$LAB_DIRECTORY/n3.log")"
check "what n3 held before it serves at once" gives c1 3 os/install/vmlinuz "$LINUX"
group_done
