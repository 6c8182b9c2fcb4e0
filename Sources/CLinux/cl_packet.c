// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cl_packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH_MAX = 64,
    // Room for IP_PKTINFO, SO_TIMESTAMPNS and SO_RXQ_OVFL.
    CONTROL_BYTES = CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(struct timespec))
        + CMSG_SPACE(sizeof(uint32_t)),
    // How long a full send buffer may hold up a batch.
    SEND_WAIT_MILLISECONDS = 5,
};

static int closed_with_errno(int descriptor) {
    int error = errno;
    close(descriptor);
    return -error;
}

static int set_flag(int descriptor, int level, int option) {
    int on = 1;
    return setsockopt(descriptor, level, option, &on, sizeof on);
}

// Waking a thread that polls

int cl_wake_open(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

void cl_wake(int descriptor) {
    uint64_t one = 1;
    // It fails only when the counter is full, and then the thread is woken already.
    (void)!write(descriptor, &one, sizeof one);
}

void cl_wake_clear(int descriptor) {
    uint64_t count;
    (void)!read(descriptor, &count, sizeof count);
}

void cl_name_thread(const char *name) { (void)prctl(PR_SET_NAME, name, 0, 0, 0); }

// Sockets

/// Beyond net.core.?mem_max where we may, else up to it. A smaller buffer is no reason to fail.
static void set_buffer(int descriptor, int forced, int option, int bytes) {
    if (setsockopt(descriptor, SOL_SOCKET, forced, &bytes, sizeof bytes) != 0)
        (void)setsockopt(descriptor, SOL_SOCKET, option, &bytes, sizeof bytes);
}

static int bind_udp(int descriptor, uint32_t address, uint16_t port) {
    struct sockaddr_in local = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    return bind(descriptor, (struct sockaddr *)&local, sizeof local);
}

int cl_udp_open(const char *interface_name, uint16_t port, int buffer_bytes) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    set_buffer(descriptor, SO_RCVBUFFORCE, SO_RCVBUF, buffer_bytes);
    set_buffer(descriptor, SO_SNDBUFFORCE, SO_SNDBUF, buffer_bytes);
    // The device comes before bind: for no moment does the socket hear other interfaces.
    if (setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, interface_name, (socklen_t)strlen(interface_name)) != 0
        || set_flag(descriptor, SOL_SOCKET, SO_BROADCAST) != 0
        || set_flag(descriptor, SOL_SOCKET, SO_REUSEADDR) != 0
        || set_flag(descriptor, SOL_SOCKET, SO_TIMESTAMPNS) != 0
        || set_flag(descriptor, SOL_SOCKET, SO_RXQ_OVFL) != 0
        || set_flag(descriptor, IPPROTO_IP, IP_PKTINFO) != 0
        || bind_udp(descriptor, INADDR_ANY, port) != 0)
        return closed_with_errno(descriptor);
    return descriptor;
}

int cl_routed_open(uint16_t port, int buffer_bytes) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    set_buffer(descriptor, SO_SNDBUFFORCE, SO_SNDBUF, buffer_bytes);
    // IP_FREEBIND: where the loopback interface is down there is no loopback address to bind.
    // IP_RECVERR: else the kernel drops a datagram whose destination finds no room in the neighbour table, and says
    // that it was sent. ICMP errors do not come here: they name the source of the datagram, not the loopback address.
    if (set_flag(descriptor, SOL_SOCKET, SO_REUSEADDR) != 0
        || set_flag(descriptor, IPPROTO_IP, IP_RECVERR) != 0
        || set_flag(descriptor, IPPROTO_IP, IP_FREEBIND) != 0
        || bind_udp(descriptor, INADDR_LOOPBACK, port) != 0)
        return closed_with_errno(descriptor);
    return descriptor;
}

int cl_link_open(int buffer_bytes) {
    int descriptor = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    set_buffer(descriptor, SO_SNDBUFFORCE, SO_SNDBUF, buffer_bytes);
    return descriptor;
}

int cl_arp_listen(int descriptor, int on) {
    struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    // hardware type 1, protocol type IPv4, lengths 6 and 4, operation request (1) or reply (2)
    struct sock_filter wanted[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x00010800, 0, 5),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x0604, 0, 3),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 2, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 64),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {
        .len = on ? sizeof wanted / sizeof wanted[0] : 1, .filter = on ? wanted : nothing};
    return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0 ? -errno : 0;
}

int cl_arp_open(int32_t interface_index) {
    // Protocol 0 hears nothing until bind names ARP, and by then the filter stands.
    int descriptor = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    struct sockaddr_ll local = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP), .sll_ifindex = interface_index};
    if (cl_arp_listen(descriptor, 0) != 0 || bind(descriptor, (struct sockaddr *)&local, sizeof local) != 0)
        return closed_with_errno(descriptor);
    return descriptor;
}

// Receiving

struct cl_batch {
    int count, bytes;
    uint32_t overflows;
    uint8_t *buffers;
    struct mmsghdr messages[BATCH_MAX];
    struct iovec vectors[BATCH_MAX];
    struct sockaddr_in sources[BATCH_MAX];
    struct cl_datagram datagrams[BATCH_MAX];
    _Alignas(struct cmsghdr) uint8_t controls[BATCH_MAX][CONTROL_BYTES];
};

struct cl_batch *cl_batch_new(int count, int bytes) {
    struct cl_batch *batch = calloc(1, sizeof *batch);
    uint8_t *buffers = malloc((size_t)count * (size_t)bytes);
    if (batch == NULL || buffers == NULL || count > BATCH_MAX) {
        free(buffers);
        free(batch);
        return NULL;
    }
    batch->count = count;
    batch->bytes = bytes;
    batch->buffers = buffers;
    for (int i = 0; i < count; i++) {
        batch->vectors[i] = (struct iovec){buffers + (size_t)i * (size_t)bytes, (size_t)bytes};
        batch->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &batch->sources[i], .msg_iov = &batch->vectors[i], .msg_iovlen = 1,
            .msg_control = batch->controls[i]};
    }
    return batch;
}

void cl_batch_free(struct cl_batch *batch) {
    free(batch->buffers);
    free(batch);
}

const uint8_t *cl_batch_bytes(const struct cl_batch *batch, int index) {
    return batch->buffers + (size_t)index * (size_t)batch->bytes;
}

const struct cl_datagram *cl_batch_datagram(const struct cl_batch *batch, int index) {
    return &batch->datagrams[index];
}

uint32_t cl_batch_overflows(const struct cl_batch *batch) { return batch->overflows; }

static int64_t milliseconds_between(const struct timespec *earlier, const struct timespec *later) {
    int64_t nanoseconds = (int64_t)(later->tv_sec - earlier->tv_sec) * 1000000000 + (later->tv_nsec - earlier->tv_nsec);
    return nanoseconds < 0 ? 0 : nanoseconds / 1000000;
}

static void read_control(struct cl_batch *batch, struct msghdr *header, const struct timespec *now,
                         struct cl_datagram *datagram) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(c), sizeof info);
            datagram->interface_index = info.ipi_ifindex;
            datagram->destination = ntohl(info.ipi_addr.s_addr);
            datagram->local = ntohl(info.ipi_spec_dst.s_addr);
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec received;
            memcpy(&received, CMSG_DATA(c), sizeof received);
            datagram->age_milliseconds = milliseconds_between(&received, now);
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&batch->overflows, CMSG_DATA(c), sizeof batch->overflows);
        }
    }
}

int cl_receive(int descriptor, struct cl_batch *batch) {
    for (int i = 0; i < batch->count; i++) {
        batch->messages[i].msg_hdr.msg_namelen = sizeof batch->sources[i];
        batch->messages[i].msg_hdr.msg_controllen = CONTROL_BYTES;
    }
    int count;
    do {
        count = recvmmsg(descriptor, batch->messages, (unsigned)batch->count, MSG_DONTWAIT, NULL);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
    // The kernel stamps with the machine's clock, so age is told by that clock; a step of it misjudges
    // only what is waiting at that moment.
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (int i = 0; i < count; i++) {
        batch->datagrams[i] = (struct cl_datagram){
            .length = batch->messages[i].msg_len,
            .source = ntohl(batch->sources[i].sin_addr.s_addr),
            .source_port = ntohs(batch->sources[i].sin_port),
            .is_truncated = (batch->messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0,
        };
        read_control(batch, &batch->messages[i].msg_hdr, &now, &batch->datagrams[i]);
    }
    return count;
}

int cl_arp_receive(int descriptor, struct cl_arp *arp) {
    uint8_t packet[64];
    ssize_t length;
    do {
        length = recv(descriptor, packet, sizeof packet, MSG_DONTWAIT);
    } while ((length < 0 && errno == EINTR) || (length >= 0 && length < 28));
    if (length < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
    uint32_t sender, target;
    memcpy(&sender, packet + 14, 4);
    memcpy(&target, packet + 24, 4);
    arp->operation = (uint16_t)(packet[6] << 8 | packet[7]);
    memcpy(arp->sender_mac, packet + 8, 6);
    arp->sender_address = ntohl(sender);
    arp->target_address = ntohl(target);
    return 1;
}

// Sending

/// Sends all, one by one where the kernel refuses one. Returns how many it took.
static int send_all(int descriptor, struct mmsghdr *messages, struct cl_outgoing *datagrams, int count) {
    int taken = 0, waited = 0;
    for (int i = 0; i < count;) {
        int sent = sendmmsg(descriptor, messages + i, (unsigned)(count - i), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            for (int k = 0; k < sent; k++) datagrams[i + k].error = 0;
            i += sent;
            taken += sent;
            continue;
        }
        if (errno == EINTR) continue;
        int error = errno;
        if ((error == EAGAIN || error == EWOULDBLOCK) && !waited) {
            struct pollfd writable = {descriptor, POLLOUT, 0};
            waited = 1;
            (void)poll(&writable, 1, SEND_WAIT_MILLISECONDS);
            continue;
        }
        datagrams[i++].error = error;
    }
    return taken;
}

static size_t put_source(uint8_t *control, int32_t interface_index, uint32_t source) {
    struct in_pktinfo info = {.ipi_ifindex = interface_index, .ipi_spec_dst.s_addr = htonl(source)};
    struct cmsghdr header = {
        .cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
    memcpy(control, &header, sizeof header);
    memcpy(control + CMSG_LEN(0), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
}

int cl_send_udp(int descriptor, int32_t interface_index, struct cl_outgoing *datagrams, int count) {
    struct mmsghdr messages[BATCH_MAX];
    struct iovec vectors[BATCH_MAX];
    struct sockaddr_in destinations[BATCH_MAX];
    _Alignas(struct cmsghdr) uint8_t controls[BATCH_MAX][CMSG_SPACE(sizeof(struct in_pktinfo))];
    if (count > BATCH_MAX) count = BATCH_MAX;
    for (int i = 0; i < count; i++) {
        const struct cl_outgoing *d = &datagrams[i];
        vectors[i] = (struct iovec){(void *)d->bytes, d->length};
        destinations[i] = (struct sockaddr_in){
            .sin_family = AF_INET, .sin_port = htons(d->destination_port), .sin_addr.s_addr = htonl(d->destination)};
        messages[i] = (struct mmsghdr){.msg_hdr = {
            .msg_name = &destinations[i], .msg_namelen = sizeof destinations[i],
            .msg_iov = &vectors[i], .msg_iovlen = 1, .msg_control = controls[i],
            .msg_controllen = put_source(controls[i], interface_index, d->source)}};
    }
    return send_all(descriptor, messages, datagrams, count);
}

/// RFC 1071: the ones' complement sum of big-endian words, an odd last octet padded with zero.
static uint32_t sum(const uint8_t *bytes, size_t length, uint32_t total) {
    size_t i = 0;
    for (; i + 1 < length; i += 2) total += (uint32_t)(bytes[i] << 8 | bytes[i + 1]);
    if (i < length) total += (uint32_t)bytes[i] << 8;
    return total;
}

static uint16_t folded(uint32_t total) {
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    return (uint16_t)~total;
}

static void put16(uint8_t *at, uint16_t value) { at[0] = (uint8_t)(value >> 8); at[1] = (uint8_t)value; }
static void put32(uint8_t *at, uint32_t value) { put16(at, (uint16_t)(value >> 16)); put16(at + 2, (uint16_t)value); }

void cl_ip_udp_headers(uint8_t headers[28], const struct cl_outgoing *datagram) {
    uint8_t *ip = headers, *udp = headers + 20;
    uint16_t udp_length = (uint16_t)(8 + datagram->length);
    memset(headers, 0, 28);
    ip[0] = 0x45;
    // Low delay, "don't fragment", identification 0, time to live 128: what ISC dhcpd and Kea put into their raw
    // frames, and so what firmware has been tried with.
    ip[1] = 0x10;
    put16(ip + 2, (uint16_t)(20 + udp_length));
    put16(ip + 6, 0x4000);
    ip[8] = 128;
    ip[9] = IPPROTO_UDP;
    put32(ip + 12, datagram->source);
    put32(ip + 16, datagram->destination);
    put16(ip + 10, folded(sum(ip, 20, 0)));
    put16(udp, datagram->source_port);
    put16(udp + 2, datagram->destination_port);
    put16(udp + 4, udp_length);
    // RFC 768: over a pseudo header (addresses, protocol, length), header and data; 0 would mean "none".
    uint32_t total = sum(ip + 12, 8, IPPROTO_UDP + (uint32_t)udp_length);
    uint16_t checksum = folded(sum(datagram->bytes, datagram->length, sum(udp, 8, total)));
    put16(udp + 6, checksum == 0 ? 0xffff : checksum);
}

static struct sockaddr_ll link_address(int32_t interface_index, uint16_t protocol, const uint8_t mac[6]) {
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = interface_index, .sll_halen = 6};
    memcpy(address.sll_addr, mac, 6);
    return address;
}

int cl_send_link(int descriptor, int32_t interface_index, struct cl_outgoing *datagrams, int count) {
    struct mmsghdr messages[BATCH_MAX];
    struct iovec vectors[BATCH_MAX][2];
    struct sockaddr_ll destinations[BATCH_MAX];
    uint8_t headers[BATCH_MAX][28];
    if (count > BATCH_MAX) count = BATCH_MAX;
    for (int i = 0; i < count; i++) {
        struct cl_outgoing *d = &datagrams[i];
        cl_ip_udp_headers(headers[i], d);
        destinations[i] = link_address(interface_index, ETH_P_IP, d->mac);
        vectors[i][0] = (struct iovec){headers[i], sizeof headers[i]};
        vectors[i][1] = (struct iovec){(void *)d->bytes, d->length};
        messages[i] = (struct mmsghdr){.msg_hdr = {
            .msg_name = &destinations[i], .msg_namelen = sizeof destinations[i],
            .msg_iov = vectors[i], .msg_iovlen = 2}};
    }
    return send_all(descriptor, messages, datagrams, count);
}

int cl_arp_probe(int descriptor, int32_t interface_index, const uint8_t sender_mac[6], uint32_t address) {
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    // Ethernet, IPv4, lengths 6 and 4, request; the sender's IP address and the target's MAC stay zero.
    uint8_t packet[28] = {0, 1, 8, 0, 6, 4, 0, 1};
    memcpy(packet + 8, sender_mac, 6);
    put32(packet + 24, address);
    struct sockaddr_ll destination = link_address(interface_index, ETH_P_ARP, everybody);
    ssize_t sent = sendto(descriptor, packet, sizeof packet, MSG_DONTWAIT,
                          (struct sockaddr *)&destination, sizeof destination);
    return sent < 0 ? -errno : 0;
}
