// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

// The UDP sockets over which nodes exchange heartbeats. Descriptors are close-on-exec and non-blocking; addresses and
// ports are in host byte order. Functions return a descriptor or a count, or -errno. What arrives is read with
// cl_receive() of cl_packet.h.

/// A UDP socket that receives on `address`:`port` and shares it with nobody (EADDRINUSE).
int cl_peer_listen(uint32_t address, uint16_t port, int buffer_bytes);

/// The port that a socket is bound to.
int cl_peer_port(int descriptor);

/// A socket from an ephemeral port of `local` (0: the kernel's choice) to one peer. It is connected, because only then
/// does the kernel tell it of an ICMP "port unreachable": nobody listens there, and the machine answers.
int cl_peer_connect(uint32_t local, uint32_t peer, uint16_t port);

/// Sends one datagram at once or not at all. 0 or -errno; an error that came back for an earlier datagram
/// (ECONNREFUSED) is told here, and this datagram was then not sent.
int cl_peer_send(int descriptor, const uint8_t *bytes, size_t length);

/// The error that came back for an earlier datagram and has not been told yet, as a positive errno, or 0.
int cl_peer_take_error(int descriptor);

// Waiting for several sockets

/// An epoll descriptor.
int cl_peer_poll_open(void);

/// Adds a descriptor under a name of the caller's: for what can be read from it, or (`reads` 0) for errors only. It
/// leaves by being closed. 0 or -errno.
int cl_peer_poll_add(int poll, int descriptor, uint64_t id, int reads);

/// Waits for at least one and writes the names of up to `count` (at most 64). 0 when a signal came in between.
int cl_peer_poll_wait(int poll, uint64_t *ids, int count);
