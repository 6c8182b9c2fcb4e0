// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

// The packet sockets of the DHCP service. Descriptors are close-on-exec; addresses and ports are in host byte order.
// Functions return a descriptor or a count, or -errno.

// Interfaces

/// One network interface.
struct cl_interface {
    char name[16];
    int32_t index;
    uint32_t mtu;
    /// IFF_UP, IFF_RUNNING, IFF_LOOPBACK
    uint8_t is_up, is_running, is_loopback;
    /// 6 on Ethernet and its kin; 0 where `mac` is not set.
    uint8_t mac_length;
    uint8_t mac[6];
};

/// One IPv4 address of an interface.
struct cl_interface_address {
    int32_t index;
    uint32_t address;
    uint8_t prefix_length;
};

/// Lists all interfaces and their IPv4 addresses into two arrays, each to be released with free().
/// Returns 0 or -errno; on failure nothing is allocated.
int cl_interfaces(struct cl_interface **interfaces, int *interface_count,
                  struct cl_interface_address **addresses, int *address_count);

/// A netlink socket, non-blocking, that becomes readable when a link or an IPv4 address changes.
int cl_interface_changes_open(void);

/// Reads away all that is waiting: which message it was does not matter, the interfaces are listed anew.
void cl_interface_changes_clear(int descriptor);

// Waking a thread that polls

/// An eventfd, non-blocking.
int cl_wake_open(void);
void cl_wake(int descriptor);
void cl_wake_clear(int descriptor);

/// Names the calling thread as `top -H` shows it; 15 characters of it.
void cl_name_thread(const char *name);

// Sockets

/// A UDP socket on 0.0.0.0:`port` of one interface: broadcast allowed, packet information, kernel time stamps and
/// the count of overflows on, with a receive buffer of `buffer_bytes` where we may force it.
int cl_udp_open(const char *interface_name, uint16_t port, int buffer_bytes);

/// A UDP socket that only sends, from `port`, by the routing table and not by one interface. It stands on the loopback
/// address, where nothing reaches it; each datagram names its own source.
int cl_routed_open(uint16_t port, int buffer_bytes);

/// A packet socket that only sends: protocol 0, so that the kernel hands it nothing.
int cl_link_open(int buffer_bytes);

/// A packet socket for ARP on one interface, non-blocking; it hears nothing until cl_arp_listen() opens its filter.
int cl_arp_open(int32_t interface_index);

/// Opens (1) or shuts (0) the filter for Ethernet-IPv4 requests and replies.
int cl_arp_listen(int descriptor, int on);

// Receiving

/// What the kernel says of one received datagram.
struct cl_datagram {
    uint32_t length;
    int32_t interface_index;
    uint32_t source;
    /// The address in the header, and the local address that the kernel matched it to (IP_PKTINFO).
    uint32_t destination, local;
    uint16_t source_port;
    /// Longer than its buffer: only the beginning is there.
    uint8_t is_truncated;
    /// How long it has waited in the socket, 0 when unknown.
    int64_t age_milliseconds;
};

/// Buffers for one recvmmsg of up to `count` (at most 64) datagrams of up to `bytes` octets.
struct cl_batch;
/// NULL when memory is short.
struct cl_batch *cl_batch_new(int count, int bytes);
void cl_batch_free(struct cl_batch *batch);
const uint8_t *cl_batch_bytes(const struct cl_batch *batch, int index);
const struct cl_datagram *cl_batch_datagram(const struct cl_batch *batch, int index);
/// Datagrams that the kernel has dropped on this socket since it was opened, as far as it has told.
uint32_t cl_batch_overflows(const struct cl_batch *batch);

/// Takes what is waiting, without blocking. 0 when nothing is.
int cl_receive(int descriptor, struct cl_batch *batch);

/// An ARP packet (RFC 826), Ethernet and IPv4.
struct cl_arp {
    uint16_t operation;
    uint8_t sender_mac[6];
    uint32_t sender_address, target_address;
};

/// Takes one waiting ARP packet. 1, 0 when none is waiting, or -errno.
int cl_arp_receive(int descriptor, struct cl_arp *arp);

// Sending

/// One datagram to send.
struct cl_outgoing {
    const uint8_t *bytes;
    uint32_t length;
    /// 0: the kernel's choice.
    uint32_t source;
    uint32_t destination;
    uint16_t source_port, destination_port;
    /// Only for cl_send_link.
    uint8_t mac[6];
    /// Written: 0 when the kernel took it, else errno.
    int32_t error;
};

/// Sends through the kernel's IP layer, on the interface or, when `interface_index` is 0, by the routing table.
/// `count` is at most 64. Returns how many the kernel took; each datagram's `error` says what became of it.
int cl_send_udp(int descriptor, int32_t interface_index, struct cl_outgoing *datagrams, int count);

/// Sends IPv4 packets with headers of our own to `mac` on the interface: no ARP, no route, no packet filter.
int cl_send_link(int descriptor, int32_t interface_index, struct cl_outgoing *datagrams, int count);

/// Writes IPv4 (20 octets, RFC 791) and UDP headers (8, RFC 768) for the payload, both checksums included.
void cl_ip_udp_headers(uint8_t headers[28], const struct cl_outgoing *datagram);

/// Broadcasts an ARP probe (RFC 5227 2.1.1) for `address`. 0 or -errno.
int cl_arp_probe(int descriptor, int32_t interface_index, const uint8_t sender_mac[6], uint32_t address);
