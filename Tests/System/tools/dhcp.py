# SPDX-License-Identifier: Apache-2.0
"""DHCPv4 messages as a client sends and reads them, in whole Ethernet frames on a raw socket."""

import select
import socket
import struct
import time

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
MAGIC = b"\x63\x82\x53\x63"
BROADCAST_FLAG = 0x8000
PACKET_OUTGOING = 4  # linux/if_packet.h
ANY = "0.0.0.0"
EVERYBODY = "255.255.255.255"


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", "").replace("-", ""))


def mac_text(mac):
    return ":".join(f"{octet:02x}" for octet in mac)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def options_bytes(options):
    return b"".join(bytes([code, len(value)]) + value for code, value in options) + b"\xff"


def message(mac, xid, options, seconds=0, flags=0, ciaddr=ANY, giaddr=ANY, hops=0):
    """A BOOTREQUEST. `options` is a list of (code, bytes); option 53 is one of them."""
    head = struct.pack(
        "!BBBBIHH4s4s4s4s16s192x",
        1, 1, 6, hops, xid, min(int(seconds), 0xFFFF), flags,
        socket.inet_aton(ciaddr), bytes(4), bytes(4), socket.inet_aton(giaddr), mac,
    )
    return (head + MAGIC + options_bytes(options)).ljust(300, b"\0")


def frame(mac, payload, source=ANY, destination=EVERYBODY, destination_mac=b"\xff" * 6, ports=(68, 67)):
    """An Ethernet frame with a UDP datagram; its UDP checksum is left out, which IPv4 allows."""
    udp = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
    ip = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
        socket.inet_aton(source), socket.inet_aton(destination),
    )
    return destination_mac + mac + b"\x08\x00" + ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + udp


class Reply:
    """A BOOTREPLY: its fields, and its options by code (repeated ones joined, RFC 3396)."""

    def __init__(self, data, source, destination, destination_mac):
        self.xid, self.seconds, self.flags = struct.unpack("!IHH", data[4:12])
        self.ciaddr, self.yiaddr, self.siaddr, self.giaddr = (
            socket.inet_ntoa(data[at:at + 4]) for at in (12, 16, 20, 24)
        )
        self.mac = data[28:34]
        self.sname = data[44:108].split(b"\0")[0]
        self.file = data[108:236].split(b"\0")[0]
        self.source, self.destination, self.destination_mac = source, destination, destination_mac
        self.options = {}
        at = 240
        while at < len(data) and data[at] != 255:
            if data[at] == 0:
                at += 1
                continue
            if at + 1 >= len(data):
                break
            length = data[at + 1]
            self.options[data[at]] = self.options.get(data[at], b"") + data[at + 2:at + 2 + length]
            at += 2 + length

    @property
    def kind(self):
        return self.options.get(53, b"\0")[0]

    @property
    def server(self):
        value = self.options.get(54, b"")
        return socket.inet_ntoa(value) if len(value) == 4 else ""

    @property
    def lease_seconds(self):
        value = self.options.get(51, b"")
        return struct.unpack("!I", value)[0] if len(value) == 4 else 0


def parse_reply(data):
    """The reply in a received frame; None for anything else."""
    if len(data) < 282 or data[12:14] != b"\x08\x00" or data[14] >> 4 != 4 or data[23] != 17:
        return None
    at = 14 + 4 * (data[14] & 15)
    source_port, destination_port, length = struct.unpack("!HHH", data[at:at + 6])
    payload = data[at + 8:at + length]
    if source_port not in (67, 4011) or len(payload) < 240 or payload[0] != 2 or payload[236:240] != MAGIC:
        return None
    return Reply(payload, socket.inet_ntoa(data[26:30]), socket.inet_ntoa(data[30:34]), data[0:6])


def arp_answer(data, mac):
    """The answer that the owner of the asked-for address, `mac`, gives."""
    answer = b"\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02" + mac + data[38:42] + data[22:28] + data[28:32]
    return data[6:12] + mac + answer


class Link:
    """A raw socket on one interface."""

    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self.socket.bind((interface, 0))
        self.mac = self.socket.getsockname()[4]

    def send(self, data):
        self.socket.send(data)

    def received(self):
        """Frames that have come in, without waiting."""
        while True:
            try:
                data, (_, _, packet_type, _, _) = self.socket.recvfrom(4096, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            if packet_type != PACKET_OUTGOING:
                yield data

    def wait(self, seconds):
        select.select([self.socket], [], [], max(0, seconds))

    def replies(self, seconds):
        """Every DHCP reply that comes in within that time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.wait(left)
            for data in self.received():
                reply = parse_reply(data)
                if reply:
                    yield reply
