#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# make install and uninstall, the unit file, and the configuration that a new machine starts with.
. "$(dirname "$0")/../lib/ondeck.sh"
lab_begin is
lan 1
TOP=$(cd "$SYSTEM/../.." && pwd)
ROOT="$LAB_DIRECTORY/root"
install_it() { make -s -C "$TOP" "$1" DESTDIR="$ROOT" prefix=/usr BINARY="$ONDECK" 2>&1; }

check "make install DESTDIR=..." install_it install
for file in usr/bin/ondeck usr/lib/systemd/system/ondeck.service usr/lib/sysusers.d/ondeck.conf etc/ondeck/ondeck.yaml \
    usr/share/bash-completion/completions/ondeck usr/share/doc/ondeck/LICENSE usr/share/doc/ondeck/NOTICE; do
    check "installs /$file" test -s "$ROOT/$file"
done
expect "the installed binary runs" '^ondeck' "$("$ROOT/usr/bin/ondeck" version)"
expect_equal "nothing outside DESTDIR is named" "" \
    "$(grep -rIl "$ROOT" "$ROOT/etc" "$ROOT/usr/lib" "$ROOT/usr/share" 2>/dev/null)"

UNIT="$ROOT/usr/lib/systemd/system/ondeck.service"
expect "the unit names the installed binary" '^ExecStart=/usr/bin/ondeck serve' "$(cat "$UNIT")"
sed "s|/usr/bin/ondeck|$ROOT/usr/bin/ondeck|" "$UNIT" >"$LAB_DIRECTORY/ondeck.service"
said=$(systemd-analyze verify --man=no "$LAB_DIRECTORY/ondeck.service" 2>&1)
expect_equal "systemd-analyze verify has nothing to say" "" "$(grep -i ondeck <<<"$said")"
said=$(systemd-analyze security --offline=true --no-pager "$LAB_DIRECTORY/ondeck.service" 2>&1)
expect_below "systemd-analyze security: exposure" 2.5 \
    "$(grep -oE 'Overall exposure level.*: [0-9.]+' <<<"$said" | grep -oE '[0-9.]+$')"
check "the user is declared" systemd-sysusers --root="$ROOT" --dry-run "$ROOT/usr/lib/sysusers.d/ondeck.conf"

check "the installed configuration is valid" "$ONDECK" check-config --config "$ROOT/etc/ondeck/ondeck.yaml"
# As on a new machine: nothing described yet, so it must be silent.
DATA="$LAB_DIRECTORY/data"
mkdir "$DATA"
{ cat "$ROOT/etc/ondeck/ondeck.yaml"; echo "data: $DATA"; } >"$LAB_DIRECTORY/ondeck.yaml"
serve || fail "it starts with the installed configuration" "$(tail -n 5 "$LAB_DIRECTORY/server.log")"
check "it is ready" is_ready
expect "without a site it answers nobody" '^silence' "$(dhcp c1 discover --wait 1)"
stop "$SERVER"

# With no more than the unit's rights.
chown -R 65534:65534 "$DATA"
SERVE_WITH=(setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs
    --inh-caps "-all,+net_raw,+net_bind_service" --ambient-caps "-all,+net_raw,+net_bind_service"
    --bounding-set "-all,+net_raw,+net_bind_service")
ONDECK="$ROOT/usr/bin/ondeck" # that user may not look into our home
serve_site < <(ordinary_site)
expect "with the unit's user and capabilities it serves DHCP" '^ACK' "$(dhcp c1 dora --mac 52:54:00:00:0e:01)"
address c1 10.77.1.1/16
check "and TFTP" at c1 timeout 10 curl -sS -o /dev/null "tftp://$SERVER_ADDRESS/ipxe/undionly.kpxe"
stop "$SERVER"

echo "# mine" >>"$ROOT/etc/ondeck/ondeck.yaml"
install_it install >/dev/null
expect "installing again keeps the configuration" '^# mine' "$(cat "$ROOT/etc/ondeck/ondeck.yaml")"
check "make uninstall" install_it uninstall
expect_equal "uninstall leaves only the configuration" "/etc/ondeck/ondeck.yaml" \
    "$(cd "$ROOT" && find . -type f | sed 's/^\.//')"
group_done
