// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cl_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READY_MAX = 64 };

static struct sockaddr_in name_of(uint32_t address, uint16_t port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
}

static int close_with_errno(int descriptor) {
    int error = errno;
    close(descriptor);
    return -error;
}

int cl_peer_listen(uint32_t address, uint16_t port, int buffer_bytes) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    // A smaller buffer is no reason to fail.
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    struct sockaddr_in local = name_of(address, port);
    if (bind(descriptor, (struct sockaddr *)&local, sizeof local) != 0) return close_with_errno(descriptor);
    return descriptor;
}

int cl_peer_port(int descriptor) {
    struct sockaddr_in local;
    socklen_t length = sizeof local;
    if (getsockname(descriptor, (struct sockaddr *)&local, &length) != 0) return -errno;
    return ntohs(local.sin_port);
}

int cl_peer_connect(uint32_t local, uint32_t peer, uint16_t port) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    // Nobody reads here: what is sent to it takes the least memory that the kernel grants, and is then dropped.
    int least = 0;
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &least, sizeof least);
    struct sockaddr_in from = name_of(local, 0), to = name_of(peer, port);
    if (bind(descriptor, (struct sockaddr *)&from, sizeof from) != 0
        || connect(descriptor, (struct sockaddr *)&to, sizeof to) != 0)
        return close_with_errno(descriptor);
    return descriptor;
}

int cl_peer_send(int descriptor, const uint8_t *bytes, size_t length) {
    ssize_t sent;
    do {
        sent = send(descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int cl_peer_take_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) != 0 ? errno : error;
}

int cl_peer_poll_open(void) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int cl_peer_poll_add(int poll, int descriptor, uint64_t id, int reads) {
    // EPOLLERR need not be asked for.
    struct epoll_event event = {.events = reads ? EPOLLIN : 0, .data.u64 = id};
    return epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event) != 0 ? -errno : 0;
}

int cl_peer_poll_wait(int poll, uint64_t *ids, int count) {
    struct epoll_event events[READY_MAX];
    int ready = epoll_wait(poll, events, count < READY_MAX ? count : READY_MAX, -1);
    if (ready < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < ready; i++) ids[i] = events[i].data.u64;
    return ready;
}
