// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>
// For Swift, whose Glibc module has neither.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/types.h>

// UDP in batches for the TFTP service: recvmmsg, sendmmsg, IP_PKTINFO and UDP_SEGMENT, which Swift's Glibc module
// does not import. Addresses and ports are in host byte order.

/// A bound UDP socket that tells of each datagram which local address it was sent to. `shared` is 0 for the first
/// socket of a port, which fails with EADDRINUSE when anybody has it, and 1 for more sockets of this process on that
/// port: the kernel then keeps each client on one of them (SO_REUSEPORT). Returns a descriptor or -errno.
int cl_tftp_listen(uint32_t address, uint16_t port, int shared);

/// The port a socket is bound to, or -errno.
int cl_tftp_port(int descriptor);

/// A socket of its own for one transfer: a fresh port of `local`, connected to the client. Descriptor or -errno.
int cl_tftp_connect(uint32_t local, uint32_t client, uint16_t client_port);

/// The MTU of the interface with this index, in octets, or -errno.
int cl_tftp_mtu(int descriptor, uint32_t interface);

/// Microseconds of CLOCK_MONOTONIC.
int64_t cl_tftp_microseconds(void);

/// Names the calling thread, for `top` and `ps`.
void cl_tftp_name_thread(const char *name);

/// Processors this process may run on, at least 1.
int cl_tftp_processors(void);

/// One datagram received; `bytes` stays valid until the receiver is used again.
struct cl_tftp_received {
    const uint8_t *bytes;
    uint32_t length;
    uint32_t client;
    /// The address the datagram was sent to; 0 from a connected socket.
    uint32_t local;
    /// The index of the interface it came in by.
    uint32_t interface;
    uint16_t client_port;
    /// It was sent to a broadcast or multicast address; `local` is then ours on that interface.
    uint8_t to_many;
};

/// The buffers of a batch of receives.
struct cl_tftp_receiver;
/// NULL when there is no memory.
struct cl_tftp_receiver *cl_tftp_receiver_new(unsigned count, unsigned datagram_bytes);
void cl_tftp_receiver_free(struct cl_tftp_receiver *receiver);
/// What is there, without waiting: the number of datagrams, written to `out` (room for `count`), or -errno.
int cl_tftp_receive(struct cl_tftp_receiver *receiver, int descriptor, struct cl_tftp_received *out);

/// Consecutive datagrams to one client, all `segment_bytes` long but the last, which may be shorter.
struct cl_tftp_train {
    const uint8_t *bytes;
    uint32_t length;
    uint32_t segment_bytes;
    /// 0: the socket is connected.
    uint32_t client;
    /// The address to send from.
    uint32_t local;
    int descriptor;
    uint16_t client_port;
    /// 1: hand the kernel the whole train (UDP_SEGMENT). Set to 0 when the kernel or the device would not take it;
    /// the datagrams have then been sent one by one.
    uint8_t segmentation;
    /// 0, or the errno with which (part of) the train was refused.
    int error;
};

/// Sends every train. Waits for room in the socket's buffer a few milliseconds at most, then drops.
void cl_tftp_send(struct cl_tftp_train *trains, size_t count);

/// Reads `length` octets of a file from `offset` into blocks of `block_bytes` that lie `header_bytes` apart, the first
/// one `header_bytes` from `out`. Returns the octets read (fewer: the file has become shorter), or -errno.
ssize_t cl_tftp_read_blocks(int descriptor, uint8_t *out, size_t header_bytes, size_t block_bytes, size_t length,
                            off_t offset);
