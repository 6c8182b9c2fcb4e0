// SPDX-License-Identifier: Apache-2.0
//
// Reads a file by TFTP, many times at once from one thread, and says how fast. For measuring servers: it checks
// lengths and block order, keeps no octet, and its own cost is the same for every server.
//
//   tftp-reader ADDRESS PORT FILE BLKSIZE WINDOW READERS [LOSE [FAR]]
//
// LOSE: of so many data packets, one is thrown away on arrival; 0: none. FAR: how many microseconds each ACK is held
// back, as a longer path would; for one reader. Prints one line:
//   ok=100/100 bytes=104857600 seconds=0.812 mib_per_second=123.2 slowest_seconds=0.80 stalls=0 window=1
// Exit code 1 when a reader failed.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PACKET_BYTES = 65536, BATCH = 64, PATIENCE_SECONDS = 1, TRIES = 8 };

struct reader {
    int socket;
    int connected;          // the server's port is known
    int window;             // as granted
    unsigned block_bytes;   // as granted
    uint16_t next;          // the block that is due
    unsigned in_window;     // blocks since the last ACK
    int gap_reported;       // the last ACK said that `next` is missing
    uint64_t bytes;
    unsigned long packets;
    double heard_at, ended_at;
    int tries, ok, over;
};

static struct sockaddr_in server;
static unsigned char request[600];
static size_t request_bytes;
static long stalls;
static int running;
static int lose;
static int far_microseconds;

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void put(const char *text) {
    size_t bytes = strlen(text) + 1;
    if (request_bytes + bytes > sizeof request) exit(2);
    memcpy(request + request_bytes, text, bytes);
    request_bytes += bytes;
}

static void make_request(const char *file, int block_bytes, int window) {
    char number[16];
    request[1] = 1;
    request_bytes = 2;
    put(file);
    put("octet");
    put("blksize");
    snprintf(number, sizeof number, "%d", block_bytes);
    put(number);
    if (window > 1) {
        put("windowsize");
        snprintf(number, sizeof number, "%d", window);
        put(number);
    }
}

static void send_request(struct reader *r) {
    sendto(r->socket, request, request_bytes, 0, (struct sockaddr *)&server, sizeof server);
}

/// Looks at the clock rather than sleeps: what a sleep takes longer would count against the server.
static void travel(void) {
    double arrival = seconds() + far_microseconds / 1e6;
    while (seconds() < arrival) {}
}

static void acknowledge(struct reader *r) {
    if (far_microseconds) travel();
    uint16_t last = (uint16_t)(r->next - 1);
    unsigned char packet[4] = {0, 4, (unsigned char)(last >> 8), (unsigned char)last};
    send(r->socket, packet, sizeof packet, 0);
    r->in_window = 0;
}

static void end(struct reader *r, int ok) {
    r->ok = ok;
    r->over = 1;
    running--;
    r->ended_at = seconds();
    close(r->socket);
}

static void take_options(struct reader *r, const unsigned char *packet, size_t bytes) {
    const char *at = (const char *)packet + 2, *stop = (const char *)packet + bytes;
    while (at < stop) {
        const char *name = at, *value = name + strnlen(name, (size_t)(stop - name)) + 1;
        if (value >= stop) break;
        if (strcasecmp(name, "blksize") == 0) r->block_bytes = (unsigned)atoi(value);
        if (strcasecmp(name, "windowsize") == 0) r->window = atoi(value);
        at = value + strnlen(value, (size_t)(stop - value)) + 1;
    }
    acknowledge(r);
}

static void take_data(struct reader *r, const unsigned char *packet, size_t bytes) {
    if (lose && ++r->packets % (unsigned long)lose == 0) return;
    uint16_t block = (uint16_t)(packet[2] << 8 | packet[3]);
    if (block != r->next) {
        // Ahead of what is due: a block was lost. Say so once (RFC 7440 4).
        int ahead = (uint16_t)(block - r->next) < 0x8000;
        if (ahead && !r->gap_reported) {
            r->gap_reported = 1;
            acknowledge(r);
        }
        return;
    }
    r->gap_reported = 0;
    r->bytes += bytes - 4;
    r->next++;
    int last = bytes - 4 < r->block_bytes;
    if (last || ++r->in_window >= (unsigned)r->window) acknowledge(r);
    if (last) end(r, 1);
}

static void take(struct reader *r, const unsigned char *packet, size_t bytes) {
    if (bytes < 4) return;
    r->tries = 0;
    switch (packet[1]) {
    case 3: take_data(r, packet, bytes); break;
    case 5:
        fprintf(stderr, "error %d: %.*s\n", packet[2] << 8 | packet[3], (int)(bytes - 4), (const char *)packet + 4);
        end(r, 0);
        break;
    case 6: take_options(r, packet, bytes); break;
    }
}

static unsigned char packets[BATCH][PACKET_BYTES];

/// The first packet tells the server's port.
static int receive_first(struct reader *r, size_t *bytes) {
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t got = recvfrom(r->socket, packets[0], PACKET_BYTES, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
    if (got < 0) return 0;
    if (connect(r->socket, (struct sockaddr *)&from, sizeof from) != 0) die("connect");
    r->connected = 1;
    bytes[0] = (size_t)got;
    return 1;
}

static int receive_one(struct reader *r, size_t *bytes) {
    ssize_t got = recv(r->socket, packets[0], PACKET_BYTES, MSG_DONTWAIT);
    if (got < 0) return 0;
    bytes[0] = (size_t)got;
    return 1;
}

/// As much of a window as is there.
static int receive_window(struct reader *r, size_t *bytes) {
    static struct mmsghdr headers[BATCH];
    static struct iovec vectors[BATCH];
    for (int i = 0; i < BATCH; i++) {
        vectors[i] = (struct iovec){packets[i], PACKET_BYTES};
        headers[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    int count = recvmmsg(r->socket, headers, (unsigned)(r->window < BATCH ? r->window : BATCH), MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) bytes[i] = headers[i].msg_len;
    return count;
}

static void readable(struct reader *r, double now) {
    size_t bytes[BATCH];
    int count = !r->connected ? receive_first(r, bytes) : r->window == 1 ? receive_one(r, bytes) : receive_window(r, bytes);
    if (count > 0) r->heard_at = now;
    for (int i = 0; i < count && !r->over; i++) take(r, packets[i], bytes[i]);
}

static void open_reader(struct reader *r, int poll) {
    int bytes = 4 << 20;
    *r = (struct reader){.socket = socket(AF_INET, SOCK_DGRAM, 0), .window = 1, .block_bytes = 512, .next = 1};
    if (r->socket < 0) die("socket");
    setsockopt(r->socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = r};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, r->socket, &event) != 0) die("epoll_ctl");
    r->heard_at = seconds();
    send_request(r);
}

/// A reader that hears nothing says again what it said last.
static void lose_patience(struct reader *r, double now) {
    if (r->over || now - r->heard_at < PATIENCE_SECONDS) return;
    if (++r->tries > TRIES) {
        end(r, 0);
        return;
    }
    stalls++;
    r->heard_at = now;
    if (r->connected) acknowledge(r);
    else send_request(r);
}

int main(int count, char **argument) {
    if (count < 7) {
        fprintf(stderr, "usage: tftp-reader ADDRESS PORT FILE BLKSIZE WINDOW READERS [LOSE [FAR]]\n");
        return 2;
    }
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argument[2]))};
    if (inet_pton(AF_INET, argument[1], &server.sin_addr) != 1) return 2;
    make_request(argument[3], atoi(argument[4]), atoi(argument[5]));
    int readers = atoi(argument[6]);
    lose = count > 7 ? atoi(argument[7]) : 0;
    far_microseconds = count > 8 ? atoi(argument[8]) : 0;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    struct reader *all = calloc((size_t)readers, sizeof *all);
    int poll = epoll_create1(0);
    if (!all || poll < 0) die("start");
    running = readers;
    double began = seconds(), checked = began;
    for (int i = 0; i < readers; i++) open_reader(&all[i], poll);
    while (running > 0) {
        struct epoll_event events[BATCH];
        int ready = epoll_wait(poll, events, BATCH, 100);
        double now = seconds();
        for (int i = 0; i < ready; i++) readable(events[i].data.ptr, now);
        if (now - checked > 0.1) {
            checked = now;
            for (int i = 0; i < readers; i++) lose_patience(&all[i], now);
        }
    }
    double took = seconds() - began, slowest = 0;
    uint64_t bytes = 0;
    int ok = 0;
    for (int i = 0; i < readers; i++) {
        bytes += all[i].bytes;
        ok += all[i].ok;
        if (all[i].ended_at - began > slowest) slowest = all[i].ended_at - began;
    }
    printf("ok=%d/%d bytes=%llu seconds=%.3f mib_per_second=%.1f slowest_seconds=%.2f stalls=%ld window=%d\n", ok,
           readers, (unsigned long long)bytes, took, (double)bytes / 1048576 / took, slowest, stalls, all[0].window);
    return ok < readers;
}
