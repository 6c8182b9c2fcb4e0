#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client that asks every 10 ms until it has its ACK. usage: knock.py INTERFACE MAC SECONDS"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Tests/System/tools"))
sys.dont_write_bytecode = True
import dhcp  # noqa: E402


def main():
    link, mac, deadline = dhcp.Link(sys.argv[1]), dhcp.mac_bytes(sys.argv[2]), time.monotonic() + float(sys.argv[3])
    xid = random.getrandbits(32)
    say = lambda *options: link.send(dhcp.frame(mac, dhcp.message(mac, xid, options, flags=dhcp.BROADCAST_FLAG)))
    while time.monotonic() < deadline:
        say((53, bytes([dhcp.DISCOVER])))
        for reply in link.replies(0.01):
            if reply.xid != xid:
                continue
            if reply.kind == dhcp.OFFER:
                address = bytes(int(part) for part in reply.yiaddr.split("."))
                say((53, bytes([dhcp.REQUEST])), (50, address), (54, reply.options[54]))
            elif reply.kind == dhcp.ACK:
                print(reply.yiaddr)
                return 0
    return 1


sys.exit(main())
