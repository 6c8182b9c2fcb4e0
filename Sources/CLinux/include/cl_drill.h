// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

// The sockets of made-up DHCP clients. Descriptors are close-on-exec and non-blocking. Functions return a descriptor or
// a count, or -errno; both sockets need CAP_NET_RAW.

/// A socket that broadcasts on one interface through the kernel's IP layer, which gives what is sent to this machine's
/// own listeners, too; frames of a packet socket only leave.
int cl_drill_sender_open(const char *interface_name);

/// Broadcasts a client's message, from port 68 to port 67. 0 or -errno.
int cl_drill_send(int descriptor, const uint8_t *message, uint32_t length);

/// A packet socket that hears what goes to DHCP clients (UDP port 68) on an interface, and also what this machine's own
/// server sends there.
int cl_drill_tap_open(int32_t interface_index, int buffer_bytes);

/// Takes the next message to a client: its length, at most `capacity`; 0 when none is waiting.
int cl_drill_receive(int descriptor, uint8_t *message, uint32_t capacity);
