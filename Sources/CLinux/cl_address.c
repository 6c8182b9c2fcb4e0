// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cl_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    // IFA_PROTO, which older headers do not have, and the number that we put there.
    ADDRESS_PROTOCOL_ATTRIBUTE = 11,
    OUR_PROTOCOL = 0x4f,
    // The kernel answers at once; more than this is a fault.
    ANSWER_SECONDS = 2,
    DUMP_BYTES = 32 << 10,
};

static const char our_label[] = ":ondeck";

struct request {
    struct nlmsghdr header;
    struct ifaddrmsg body;
    uint8_t attributes[128];
};

static int open_netlink(void) {
    int descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (descriptor < 0) return -errno;
    struct timeval limit = {.tv_sec = ANSWER_SECONDS};
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return descriptor;
}

static int send_request(int descriptor, const struct request *request) {
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    ssize_t sent = sendto(descriptor, request, request->header.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel);
    return sent < 0 ? -errno : 0;
}

static ssize_t receive(int descriptor, void *buffer, size_t bytes) {
    ssize_t length;
    do {
        length = recv(descriptor, buffer, bytes, 0);
    } while (length < 0 && errno == EINTR);
    return length < 0 ? -errno : length;
}

static struct request request_for(uint16_t type, uint16_t flags, int32_t index, uint8_t prefix_length) {
    return (struct request){
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifaddrmsg)), .nlmsg_type = type,
                   .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = 1},
        .body = {.ifa_family = AF_INET, .ifa_prefixlen = prefix_length, .ifa_index = (unsigned)index},
    };
}

static void append(struct request *request, uint16_t type, const void *value, size_t length) {
    struct rtattr *attribute = (struct rtattr *)((uint8_t *)request + NLMSG_ALIGN(request->header.nlmsg_len));
    attribute->rta_type = type;
    attribute->rta_len = (uint16_t)RTA_LENGTH(length);
    memcpy(RTA_DATA(attribute), value, length);
    request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}

/// Asks for one change and waits for what the kernel says.
static int change(const struct request *request) {
    int descriptor = open_netlink();
    if (descriptor < 0) return descriptor;
    int result = send_request(descriptor, request);
    if (result == 0) {
        // The kernel sends our request back with its answer.
        _Alignas(struct nlmsghdr) uint8_t answer[1024];
        ssize_t length = receive(descriptor, answer, sizeof answer);
        const struct nlmsghdr *header = (const struct nlmsghdr *)answer;
        if (length < 0)
            result = (int)length;
        else if ((size_t)length < NLMSG_LENGTH(sizeof(struct nlmsgerr)) || header->nlmsg_type != NLMSG_ERROR)
            result = -EPROTO;
        else
            result = ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
    }
    close(descriptor);
    return result;
}

int cl_address_add(int32_t index, uint32_t address, uint8_t prefix_length) {
    struct request request = request_for(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, index, prefix_length);
    uint32_t wire = htonl(address);
    uint8_t protocol = OUR_PROTOCOL;
    append(&request, IFA_LOCAL, &wire, sizeof wire);
    append(&request, IFA_ADDRESS, &wire, sizeof wire);
    append(&request, ADDRESS_PROTOCOL_ATTRIBUTE, &protocol, sizeof protocol);
    char name[IF_NAMESIZE], label[IF_NAMESIZE + sizeof our_label];
    if (if_indextoname((unsigned)index, name) == NULL) return -errno;
    // A label begins with the whole name: others find the interface by it.
    int length = snprintf(label, sizeof label, "%s%s", name, our_label);
    if (length < IF_NAMESIZE) append(&request, IFA_LABEL, label, (size_t)length + 1);
    return change(&request);
}

int cl_address_remove(int32_t index, uint32_t address, uint8_t prefix_length) {
    struct request request = request_for(RTM_DELADDR, NLM_F_ACK, index, prefix_length);
    uint32_t wire = htonl(address);
    append(&request, IFA_LOCAL, &wire, sizeof wire);
    return change(&request);
}

// Listing

struct list {
    struct cl_owned_address *addresses;
    int count, capacity;
};

static int has_our_label(const struct rtattr *attribute) {
    size_t bytes = RTA_PAYLOAD(attribute), suffix = sizeof our_label - 1;
    const char *text = RTA_DATA(attribute);
    size_t length = strnlen(text, bytes);
    return length > suffix && memcmp(text + length - suffix, our_label, suffix) == 0;
}

static int take(struct list *list, struct nlmsghdr *header) {
    if (header->nlmsg_type != RTM_NEWADDR || header->nlmsg_len < NLMSG_LENGTH(sizeof(struct ifaddrmsg))) return 0;
    const struct ifaddrmsg *body = NLMSG_DATA(header);
    if (body->ifa_family != AF_INET) return 0;
    struct cl_owned_address address = {.index = (int32_t)body->ifa_index, .prefix_length = body->ifa_prefixlen};
    int left = (int)(header->nlmsg_len - NLMSG_LENGTH(sizeof *body));
    for (struct rtattr *a = IFA_RTA(body); RTA_OK(a, left); a = RTA_NEXT(a, left)) {
        if (a->rta_type == IFA_LOCAL && RTA_PAYLOAD(a) >= 4) {
            memcpy(&address.address, RTA_DATA(a), 4);
            address.address = ntohl(address.address);
        } else if (a->rta_type == IFA_LABEL) {
            address.is_ours |= (uint8_t)has_our_label(a);
        } else if (a->rta_type == ADDRESS_PROTOCOL_ATTRIBUTE && RTA_PAYLOAD(a) >= 1) {
            address.is_ours |= *(const uint8_t *)RTA_DATA(a) == OUR_PROTOCOL;
        }
    }
    if (list->count == list->capacity) {
        int capacity = list->capacity ? 2 * list->capacity : 16;
        struct cl_owned_address *more = realloc(list->addresses, (size_t)capacity * sizeof *more);
        if (more == NULL) return -ENOMEM;
        list->addresses = more;
        list->capacity = capacity;
    }
    list->addresses[list->count++] = address;
    return 0;
}

/// Reads the answer to the end of the dump.
static int receive_list(int descriptor, struct list *list, void *buffer) {
    while (1) {
        ssize_t length = receive(descriptor, buffer, DUMP_BYTES);
        if (length < 0) return (int)length;
        size_t left = (size_t)length;
        for (struct nlmsghdr *h = buffer; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
            // Changed meanwhile: what we have may lack something.
            if (h->nlmsg_flags & NLM_F_DUMP_INTR) return -EAGAIN;
            if (h->nlmsg_type == NLMSG_DONE) return 0;
            if (h->nlmsg_type == NLMSG_ERROR) {
                if (h->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))) return -EPROTO;
                return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
            }
            int result = take(list, h);
            if (result != 0) return result;
        }
    }
}

static int list_once(struct list *list) {
    int descriptor = open_netlink();
    if (descriptor < 0) return descriptor;
    void *buffer = malloc(DUMP_BYTES);
    struct request request = request_for(RTM_GETADDR, NLM_F_DUMP, 0, 0);
    int result = buffer == NULL ? -ENOMEM : send_request(descriptor, &request);
    if (result == 0) result = receive_list(descriptor, list, buffer);
    free(buffer);
    close(descriptor);
    return result;
}

int cl_address_list(struct cl_owned_address **addresses, int *count) {
    int result = -EAGAIN;
    for (int attempt = 0; attempt < 10 && result == -EAGAIN; attempt++) {
        struct list list = {0};
        result = list_once(&list);
        if (result == 0) {
            *addresses = list.addresses;
            *count = list.count;
        } else {
            free(list.addresses);
        }
    }
    return result;
}

// ARP

int cl_arp_announce(int32_t index, const uint8_t mac[6], uint32_t address) {
    // It only sends: protocol 0, so that the kernel hands it nothing.
    int descriptor = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    // Ethernet, IPv4, lengths 6 and 4, request; the target's MAC stays zero.
    uint8_t packet[28] = {0, 1, 8, 0, 6, 4, 0, 1};
    uint32_t wire = htonl(address);
    memcpy(packet + 8, mac, 6);
    memcpy(packet + 14, &wire, 4);
    memcpy(packet + 24, &wire, 4);
    struct sockaddr_ll everybody = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = index,
                                    .sll_halen = 6, .sll_addr = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    ssize_t sent = sendto(descriptor, packet, sizeof packet, 0, (struct sockaddr *)&everybody, sizeof everybody);
    int result = sent < 0 ? -errno : 0;
    close(descriptor);
    return result;
}

int cl_arp_watch_open(int32_t index, uint32_t address) {
    // hardware type 1, protocol type IPv4, lengths 6 and 4, the sender's address
    struct sock_filter wanted[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x00010800, 0, 5),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0604, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 14),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 64),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof wanted / sizeof wanted[0], .filter = wanted};
    struct sockaddr_ll local = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = index};
    // Protocol 0 hears nothing until bind names ARP, and by then the filter stands.
    int descriptor = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0
        || bind(descriptor, (struct sockaddr *)&local, sizeof local) != 0) {
        int result = -errno;
        close(descriptor);
        return result;
    }
    return descriptor;
}
