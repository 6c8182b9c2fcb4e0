// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

// Addresses that OnDeck adds to interfaces for a while, by rtnetlink, in the network namespace of the calling thread.
// They are marked as ours - by protocol number (IFA_PROTO, Linux 5.18) and, where the interface's name leaves room for
// it, by the label "<interface>:ondeck" - so that those left by a crash are known again. Addresses are in host byte
// order. Functions return 0 or -errno; all need CAP_NET_ADMIN but the list.

/// One IPv4 address of an interface.
struct cl_owned_address {
    int32_t index;
    uint32_t address;
    uint8_t prefix_length;
    /// It carries our mark.
    uint8_t is_ours;
};

/// Lists the IPv4 addresses of all interfaces into an array to be released with free(). On failure nothing is
/// allocated.
int cl_address_list(struct cl_owned_address **addresses, int *count);

/// Adds an address with our mark. -EEXIST when the interface has it.
int cl_address_add(int32_t index, uint32_t address, uint8_t prefix_length);

/// Removes an address, whoever added it. -EADDRNOTAVAIL when the interface does not have it.
int cl_address_remove(int32_t index, uint32_t address, uint8_t prefix_length);

/// Broadcasts an ARP announcement (RFC 5227 2.3): a request in which sender and target are the address. Needs
/// CAP_NET_RAW.
int cl_arp_announce(int32_t index, const uint8_t mac[6], uint32_t address);

/// A socket that hears ARP packets in which somebody speaks as `address` on the interface; read it with
/// cl_arp_receive(). Returns it, or -errno. Needs CAP_NET_RAW.
int cl_arp_watch_open(int32_t index, uint32_t address);
