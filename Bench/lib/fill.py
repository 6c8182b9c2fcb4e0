#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes many leases or reservations, for OnDeck's database (while no server has it open) or for Kea's files.

fill.py ondeck-leases DATABASE NETWORK COUNT        fill.py kea-leases FILE COUNT
fill.py ondeck-reservations DATABASE NETWORK COUNT  fill.py kea-reservations FILE COUNT

Client i has the MAC 02:aa:00:00:00:00 + i and the address 10.144.0.0 + i.
"""

import ipaddress
import sqlite3
import sys
import time

FIRST_MAC = 0x02AA00000000
FIRST_ADDRESS = int(ipaddress.ip_address("10.144.0.0"))
SECONDS = 86400


def mac(i):
    return ":".join(f"{(FIRST_MAC + i).to_bytes(6, 'big')[at]:02x}" for at in range(6))


def address(i):
    return str(ipaddress.ip_address(FIRST_ADDRESS + i))


def lease_record(network, i, now):
    key = f"lease/{network}/{FIRST_ADDRESS + i:08x}"
    return key, f"1\tbound\t{mac(i)}\tmac\tnode{i}\t{now}\t{now + SECONDS}"


def reservation_record(network, i, _):
    return f"site/reservation/{network}/{address(i)}", f"1\tmac={mac(i)}\tnode{i}\t-"


def fill_database(path, records):
    """One commit, as if OnDeck had made it."""
    with sqlite3.connect(path) as database:
        (last,) = database.execute("select value from meta where name = 'revision'").fetchone()
        database.executemany(
            "insert or replace into record values (?, ?, ?)",
            ((key, value.encode(), last + 1) for key, value in records))
        database.execute("update meta set value = ? where name = 'revision'", (last + 1,))
    database.execute("pragma wal_checkpoint(truncate)")
    database.close()


def main():
    kind, path, *network, count = sys.argv[1:]
    count, now = int(count), int(time.time())
    if kind == "ondeck-leases":
        fill_database(path, (lease_record(network[0], i, now) for i in range(count)))
    elif kind == "ondeck-reservations":
        fill_database(path, (reservation_record(network[0], i, now) for i in range(count)))
    elif kind == "kea-leases":
        with open(path, "w") as file:
            file.write("address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n")
            for i in range(count):
                file.write(f"{address(i)},{mac(i)},,{SECONDS},{now + SECONDS},1,0,0,node{i},0,\n")
    elif kind == "kea-reservations":
        with open(path, "w") as file:
            file.write(",\n".join(
                f'{{"hw-address":"{mac(i)}","ip-address":"{address(i)}","hostname":"node{i}"}}' for i in range(count)))
    else:
        sys.exit(__doc__)


main()
