// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cl_drill.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    SERVER_PORT = 67,
    CLIENT_PORT = 68,
    HEADERS_BYTES = 28,
    // An Ethernet frame's worth.
    PACKET_BYTES_MAX = 1500,
};

static int close_with_errno(int descriptor) {
    int error = errno;
    close(descriptor);
    return -error;
}

static void put16(uint8_t *at, uint16_t value) { at[0] = (uint8_t)(value >> 8); at[1] = (uint8_t)value; }

int cl_drill_sender_open(const char *interface_name) {
    // IPPROTO_RAW: the headers are ours, and nothing is received.
    int descriptor = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
    if (descriptor < 0) return -errno;
    int on = 1;
    if (setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, interface_name, (socklen_t)strlen(interface_name)) != 0
        || setsockopt(descriptor, SOL_SOCKET, SO_BROADCAST, &on, sizeof on) != 0)
        return close_with_errno(descriptor);
    return descriptor;
}

int cl_drill_send(int descriptor, const uint8_t *message, uint32_t length) {
    if (length + HEADERS_BYTES > PACKET_BYTES_MAX) return -EMSGSIZE;
    // The kernel fills in what is 0: length, checksum, and the source, its own address there. The UDP checksum, which
    // covers the source, is left out (RFC 768).
    uint8_t headers[HEADERS_BYTES] = {0};
    headers[0] = 0x45;
    headers[8] = 64;
    headers[9] = IPPROTO_UDP;
    memset(headers + 16, 0xff, 4);
    put16(headers + 20, CLIENT_PORT);
    put16(headers + 22, SERVER_PORT);
    put16(headers + 24, (uint16_t)(8 + length));
    struct iovec parts[2] = {{headers, sizeof headers}, {(void *)message, length}};
    struct sockaddr_in everybody = {.sin_family = AF_INET, .sin_addr.s_addr = INADDR_BROADCAST};
    struct msghdr header = {
        .msg_name = &everybody, .msg_namelen = sizeof everybody, .msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;
    do {
        sent = sendmsg(descriptor, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int cl_drill_tap_open(int32_t interface_index, int buffer_bytes) {
    // IPv4, UDP, not a later fragment, to port 68. The packet begins with its IP header.
    struct sock_filter wanted[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 8),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CLIENT_PORT, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0xffff),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof wanted / sizeof wanted[0], .filter = wanted};
    // Protocol 0 hears nothing until bind, and by then the filter stands. Only ETH_P_ALL hears what leaves as well.
    int descriptor = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    // A smaller buffer is no reason to fail.
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    struct sockaddr_ll local = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = interface_index};
    if (setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0
        || bind(descriptor, (struct sockaddr *)&local, sizeof local) != 0)
        return close_with_errno(descriptor);
    return descriptor;
}

int cl_drill_receive(int descriptor, uint8_t *message, uint32_t capacity) {
    uint8_t packet[PACKET_BYTES_MAX];
    while (1) {
        ssize_t got = recv(descriptor, packet, sizeof packet, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
        size_t length = (size_t)got, header = length > 0 ? 4u * (packet[0] & 15u) : 0;
        if (header < 20 || length < header + 8) continue;
        size_t udp = (size_t)packet[header + 4] << 8 | packet[header + 5];
        if (udp <= 8 || header + udp > length || udp - 8 > capacity) continue;
        memcpy(message, packet + header + 8, udp - 8);
        return (int)(udp - 8);
    }
}
