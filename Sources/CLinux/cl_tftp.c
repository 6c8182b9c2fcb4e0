// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cl_tftp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum {
    SOCKET_BUFFER_BYTES = 4 << 20,
    BURST = 64,               // datagrams (or trains) a sendmmsg call
    VECTORS = 64,             // blocks a preadv call
    ROOM_MILLISECONDS = 20,   // how long a send may wait for room in the socket's buffer
};

static struct sockaddr_in name_of(uint32_t address, uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
}

static int close_with_errno(int descriptor) {
    int error = errno;
    close(descriptor);
    return -error;
}

static int udp_socket(void) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int bytes = SOCKET_BUFFER_BYTES;
    // The FORCE forms pass over the system's cap and need CAP_NET_ADMIN; without it we take what the cap allows.
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (setsockopt(descriptor, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    // No "don't fragment": a router before a narrower link may cut our blocks up, whatever became of its ICMP.
    int discover = IP_PMTUDISC_DONT;
    setsockopt(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover);
    return descriptor;
}

int cl_tftp_listen(uint32_t address, uint16_t port, int shared) {
    int descriptor = udp_socket();
    if (descriptor < 0) return descriptor;
    int on = 1;
    struct sockaddr_in name = name_of(address, port);
    if (setsockopt(descriptor, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0) return close_with_errno(descriptor);
    if (shared && setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return close_with_errno(descriptor);
    if (bind(descriptor, (struct sockaddr *)&name, sizeof name) != 0) return close_with_errno(descriptor);
    // Only after bind: so the first socket finds out whether somebody else has the port, and later ones may join it.
    if (!shared && setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return close_with_errno(descriptor);
    return descriptor;
}

int cl_tftp_port(int descriptor) {
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    if (getsockname(descriptor, (struct sockaddr *)&name, &length) != 0) return -errno;
    return ntohs(name.sin_port);
}

int cl_tftp_connect(uint32_t local, uint32_t client, uint16_t client_port) {
    int descriptor = udp_socket();
    if (descriptor < 0) return descriptor;
    struct sockaddr_in from = name_of(local, 0), to = name_of(client, client_port);
    if (bind(descriptor, (struct sockaddr *)&from, sizeof from) != 0) return close_with_errno(descriptor);
    if (connect(descriptor, (struct sockaddr *)&to, sizeof to) != 0) return close_with_errno(descriptor);
    return descriptor;
}

int cl_tftp_mtu(int descriptor, uint32_t interface) {
    struct ifreq request = {.ifr_ifindex = (int)interface};
    if (ioctl(descriptor, SIOCGIFNAME, &request) != 0) return -errno;
    if (ioctl(descriptor, SIOCGIFMTU, &request) != 0) return -errno;
    return request.ifr_mtu;
}

int64_t cl_tftp_microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void cl_tftp_name_thread(const char *name) { prctl(PR_SET_NAME, name); }

int cl_tftp_processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? count : 1;
}

// Receiving

struct cl_tftp_receiver {
    unsigned count;
    unsigned used;  // headers that the last receive wrote to
    struct mmsghdr *headers;
    struct iovec *vectors;
    struct sockaddr_in *names;
    char (*controls)[CMSG_SPACE(sizeof(struct in_pktinfo))];
    uint8_t *bytes;
};

void cl_tftp_receiver_free(struct cl_tftp_receiver *receiver) {
    if (!receiver) return;
    free(receiver->headers);
    free(receiver->vectors);
    free(receiver->names);
    free(receiver->controls);
    free(receiver->bytes);
    free(receiver);
}

struct cl_tftp_receiver *cl_tftp_receiver_new(unsigned count, unsigned datagram_bytes) {
    struct cl_tftp_receiver *receiver = calloc(1, sizeof *receiver);
    if (!receiver) return NULL;
    receiver->count = receiver->used = count;
    receiver->headers = calloc(count, sizeof *receiver->headers);
    receiver->vectors = calloc(count, sizeof *receiver->vectors);
    receiver->names = calloc(count, sizeof *receiver->names);
    receiver->controls = calloc(count, sizeof *receiver->controls);
    receiver->bytes = calloc(count, datagram_bytes);
    if (!receiver->headers || !receiver->vectors || !receiver->names || !receiver->controls || !receiver->bytes) {
        cl_tftp_receiver_free(receiver);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        receiver->vectors[i] = (struct iovec){receiver->bytes + (size_t)i * datagram_bytes, datagram_bytes};
        receiver->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &receiver->names[i],
            .msg_iov = &receiver->vectors[i],
            .msg_iovlen = 1,
            .msg_control = receiver->controls[i],
        };
    }
    return receiver;
}

static void read_packet_info(struct msghdr *header, struct cl_tftp_received *out) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_PKTINFO) continue;
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(c), sizeof info);
        out->local = ntohl(info.ipi_spec_dst.s_addr);
        out->interface = (uint32_t)info.ipi_ifindex;
        out->to_many = info.ipi_addr.s_addr != info.ipi_spec_dst.s_addr;
    }
}

int cl_tftp_receive(struct cl_tftp_receiver *receiver, int descriptor, struct cl_tftp_received *out) {
    for (unsigned i = 0; i < receiver->used; i++) {
        receiver->headers[i].msg_hdr.msg_namelen = sizeof receiver->names[i];
        receiver->headers[i].msg_hdr.msg_controllen = sizeof receiver->controls[i];
    }
    receiver->used = 0;
    int count;
    do {
        count = recvmmsg(descriptor, receiver->headers, receiver->count, MSG_DONTWAIT, NULL);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return -errno;
    receiver->used = (unsigned)count;
    for (int i = 0; i < count; i++) {
        out[i] = (struct cl_tftp_received){
            .bytes = receiver->vectors[i].iov_base,
            .length = receiver->headers[i].msg_len,
            .client = ntohl(receiver->names[i].sin_addr.s_addr),
            .client_port = ntohs(receiver->names[i].sin_port),
        };
        read_packet_info(&receiver->headers[i].msg_hdr, &out[i]);
    }
    return count;
}

// Sending

enum { CONTROL_BYTES = CMSG_SPACE(sizeof(struct in_pktinfo)) + CMSG_SPACE(sizeof(uint16_t)) };

struct burst {
    unsigned count;
    struct mmsghdr headers[BURST];
    struct iovec vectors[BURST];
    struct sockaddr_in names[BURST];
    struct cl_tftp_train *trains[BURST];
    _Alignas(struct cmsghdr) char controls[BURST][CONTROL_BYTES];
};

static void send_split(struct cl_tftp_train *train);

static int is_segmentation_error(int error) {
    return error == EIO || error == EINVAL || error == ENOPROTOOPT || error == EOPNOTSUPP || error == EMSGSIZE;
}

static void send_burst(struct burst *burst) {
    unsigned sent = 0;
    int may_wait = 1;
    while (sent < burst->count) {
        struct cl_tftp_train *train = burst->trains[sent];
        int count = sendmmsg(train->descriptor, burst->headers + sent, burst->count - sent, MSG_DONTWAIT);
        if (count > 0) {
            sent += (unsigned)count;
            continue;
        }
        if (errno == EINTR) continue;
        if ((errno == EAGAIN || errno == ENOBUFS) && may_wait) {
            struct pollfd room = {train->descriptor, POLLOUT, 0};
            may_wait = poll(&room, 1, ROOM_MILLISECONDS) > 0 && (room.revents & POLLOUT) != 0;
            if (may_wait) continue;
        }
        train->error = errno;
        if (train->segmentation && is_segmentation_error(train->error)) {
            train->segmentation = 0;
            train->error = 0;
            send_split(train);
        }
        sent++;
    }
    burst->count = 0;
}

static void *append_control(struct msghdr *header, int level, int type, size_t length) {
    struct cmsghdr *control = (struct cmsghdr *)((char *)header->msg_control + header->msg_controllen);
    control->cmsg_level = level;
    control->cmsg_type = type;
    control->cmsg_len = CMSG_LEN(length);
    header->msg_controllen += CMSG_SPACE(length);
    return CMSG_DATA(control);
}

/// Queues `length` octets of a train, as one datagram or (`segmented`) as many.
static void add(struct burst *burst, struct cl_tftp_train *train, size_t offset, size_t length, int segmented) {
    // A burst is one sendmmsg call, so it has one socket.
    if (burst->count == BURST || (burst->count && burst->trains[0]->descriptor != train->descriptor)) send_burst(burst);
    unsigned i = burst->count++;
    burst->trains[i] = train;
    burst->vectors[i] = (struct iovec){(void *)(train->bytes + offset), length};
    struct msghdr *header = &burst->headers[i].msg_hdr;
    *header = (struct msghdr){.msg_iov = &burst->vectors[i], .msg_iovlen = 1, .msg_control = burst->controls[i]};
    if (train->client) {
        burst->names[i] = name_of(train->client, train->client_port);
        header->msg_name = &burst->names[i];
        header->msg_namelen = sizeof burst->names[i];
        struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(train->local)};
        memcpy(append_control(header, IPPROTO_IP, IP_PKTINFO, sizeof info), &info, sizeof info);
    }
    if (segmented) {
        uint16_t bytes = (uint16_t)train->segment_bytes;
        memcpy(append_control(header, IPPROTO_UDP, UDP_SEGMENT, sizeof bytes), &bytes, sizeof bytes);
    }
    if (!header->msg_controllen) header->msg_control = NULL;
}

static void add_split(struct burst *burst, struct cl_tftp_train *train) {
    for (size_t offset = 0; offset < train->length; offset += train->segment_bytes) {
        size_t left = train->length - offset;
        add(burst, train, offset, left < train->segment_bytes ? left : train->segment_bytes, 0);
    }
}

static void send_split(struct cl_tftp_train *train) {
    struct burst burst;
    burst.count = 0;
    add_split(&burst, train);
    send_burst(&burst);
}

void cl_tftp_send(struct cl_tftp_train *trains, size_t count) {
    struct burst burst;
    burst.count = 0;
    for (size_t i = 0; i < count; i++) {
        if (trains[i].segmentation && trains[i].length > trains[i].segment_bytes)
            add(&burst, &trains[i], 0, trains[i].length, 1);
        else
            add_split(&burst, &trains[i]);
    }
    send_burst(&burst);
}

// Reading

ssize_t cl_tftp_read_blocks(int descriptor, uint8_t *out, size_t header_bytes, size_t block_bytes, size_t length,
                            off_t offset) {
    struct iovec vectors[VECTORS];
    size_t done = 0;
    while (done < length) {
        int count = 0;
        for (size_t at = done; at < length && count < VECTORS; count++) {
            size_t within = at % block_bytes, left = length - at;
            size_t bytes = block_bytes - within < left ? block_bytes - within : left;
            uint8_t *block = out + (at / block_bytes) * (header_bytes + block_bytes) + header_bytes;
            vectors[count] = (struct iovec){block + within, bytes};
            at += bytes;
        }
        ssize_t bytes = preadv(descriptor, vectors, count, offset + (off_t)done);
        if (bytes < 0 && errno == EINTR) continue;
        if (bytes < 0) return -errno;
        if (bytes == 0) break;
        done += (size_t)bytes;
    }
    return (ssize_t)done;
}
