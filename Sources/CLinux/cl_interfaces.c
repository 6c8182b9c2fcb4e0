// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cl_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static uint32_t mtu_of(int descriptor, const char *name) {
    struct ifreq request = {0};
    strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
    return descriptor >= 0 && ioctl(descriptor, SIOCGIFMTU, &request) == 0 ? (uint32_t)request.ifr_mtu : 0;
}

static struct cl_interface interface_from(const struct ifaddrs *entry, int descriptor) {
    struct sockaddr_ll link;
    memcpy(&link, entry->ifa_addr, sizeof link);
    struct cl_interface interface = {
        .index = link.sll_ifindex,
        .mtu = mtu_of(descriptor, entry->ifa_name),
        .is_up = (entry->ifa_flags & IFF_UP) != 0,
        .is_running = (entry->ifa_flags & IFF_RUNNING) != 0,
        .is_loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0,
    };
    strncpy(interface.name, entry->ifa_name, sizeof interface.name - 1);
    if (link.sll_halen == 6) {
        interface.mac_length = 6;
        memcpy(interface.mac, link.sll_addr, 6);
    }
    return interface;
}

/// The index of the interface that the address is on. An address may have a label, "eth0:1", where its name goes.
static int32_t index_of(const char *label, const struct cl_interface *interfaces, int count) {
    size_t length = strcspn(label, ":");
    for (int i = 0; i < count; i++)
        if (strncmp(interfaces[i].name, label, length) == 0 && interfaces[i].name[length] == 0)
            return interfaces[i].index;
    return 0;
}

static struct cl_interface_address address_from(const struct ifaddrs *entry, int32_t index) {
    struct sockaddr_in address, mask = {0};
    memcpy(&address, entry->ifa_addr, sizeof address);
    if (entry->ifa_netmask != NULL) memcpy(&mask, entry->ifa_netmask, sizeof mask);
    return (struct cl_interface_address){
        .index = index,
        .address = ntohl(address.sin_addr.s_addr),
        .prefix_length = (uint8_t)__builtin_popcount(mask.sin_addr.s_addr),
    };
}

int cl_interfaces(struct cl_interface **interfaces, int *interface_count,
                  struct cl_interface_address **addresses, int *address_count) {
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0) return -errno;
    size_t entries = 1;
    for (const struct ifaddrs *e = list; e != NULL; e = e->ifa_next) entries++;
    *interfaces = calloc(entries, sizeof **interfaces);
    *addresses = calloc(entries, sizeof **addresses);
    *interface_count = *address_count = 0;
    if (*interfaces == NULL || *addresses == NULL) {
        free(*interfaces);
        free(*addresses);
        freeifaddrs(list);
        return -ENOMEM;
    }
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (const struct ifaddrs *e = list; e != NULL; e = e->ifa_next)
        if (e->ifa_addr != NULL && e->ifa_addr->sa_family == AF_PACKET)
            (*interfaces)[(*interface_count)++] = interface_from(e, descriptor);
    for (const struct ifaddrs *e = list; e != NULL; e = e->ifa_next) {
        if (e->ifa_addr == NULL || e->ifa_addr->sa_family != AF_INET) continue;
        int32_t index = index_of(e->ifa_name, *interfaces, *interface_count);
        if (index != 0) (*addresses)[(*address_count)++] = address_from(e, index);
    }
    if (descriptor >= 0) close(descriptor);
    freeifaddrs(list);
    return 0;
}

int cl_interface_changes_open(void) {
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (descriptor < 0) return -errno;
    struct sockaddr_nl local = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR};
    if (bind(descriptor, (struct sockaddr *)&local, sizeof local) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

void cl_interface_changes_clear(int descriptor) {
    char message[8192];
    // ENOBUFS (messages lost) counts as read: the list is read anew all the same.
    while (recv(descriptor, message, sizeof message, MSG_DONTWAIT) >= 0 || errno == EINTR || errno == ENOBUFS) {}
}
