// SPDX-License-Identifier: Apache-2.0
// A load of DHCP exchanges through relays, at a steady rate, from one thread. It costs far less than perfdhcp, so that
// a server is measured and not its client; and it can stand for many relays at once.
//
// usage: dora SERVER RATE SECONDS FIRST-MAC CLIENTS FIRST-RELAY RELAYS
//   Exchange k is of client FIRST-MAC + k mod CLIENTS, through relay FIRST-RELAY + 256 * (k mod RELAYS).
//   Every relay's address must be one of this machine's.
// prints one JSON object; an answer later than a second counts as lost.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 32, MESSAGE_BYTES = 300, LATE_NS = 1000000000 };

struct exchange { uint64_t discover_ns, request_ns, offer_took, ack_took; };

static struct exchange *exchanges;
static uint64_t planned, started, offers, acks, naks;
static uint64_t first_mac, clients;
static uint32_t first_relay, relays;
static struct sockaddr_in server = {.sin_family = AF_INET};

static unsigned char out_bytes[BATCH][MESSAGE_BYTES], in_bytes[BATCH][2048];
static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_parts[BATCH], in_parts[BATCH];
static int waiting_out;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(2);
}

static void flush(int link) {
    int sent = 0;
    while (sent < waiting_out) {
        int count = sendmmsg(link, out + sent, (unsigned)(waiting_out - sent), 0);
        if (count < 0 && errno != EINTR && errno != EAGAIN && errno != ENOBUFS) die("send");
        if (count > 0) sent += count;
    }
    waiting_out = 0;
}

// Queues a DISCOVER, or the REQUEST for `offer`.
static void queue(int link, uint64_t k, const unsigned char *offer, const unsigned char *server_id) {
    unsigned char *message = out_bytes[waiting_out], *option = message + 240;
    uint64_t mac = first_mac + k % clients;
    uint32_t relay = htonl(first_relay + 256 * (uint32_t)(k % relays)), xid = htonl((uint32_t)k + 1);
    memset(message, 0, MESSAGE_BYTES);
    message[0] = 1, message[1] = 1, message[2] = 6, message[3] = 1;
    memcpy(message + 4, &xid, 4);
    memcpy(message + 24, &relay, 4);
    for (int i = 0; i < 6; i++) message[28 + i] = (unsigned char)(mac >> (8 * (5 - i)));
    memcpy(message + 236, "\x63\x82\x53\x63", 4);
    *option++ = 53, *option++ = 1, *option++ = offer ? 3 : 1;
    if (offer) {
        *option++ = 50, *option++ = 4;
        memcpy(option, offer, 4), option += 4;
        *option++ = 54, *option++ = 4;
        memcpy(option, server_id, 4), option += 4;
    }
    memcpy(option, "\x37\x07\x01\x1c\x02\x03\x0f\x06\x0c\xff", 10);
    if (++waiting_out == BATCH) flush(link);
}

// The value of an option of that length; NULL if there is none.
static const unsigned char *find(const unsigned char *message, int length, int code, int wanted) {
    for (int i = 240; i + 1 < length && message[i] != 255; i += message[i] ? 2 + message[i + 1] : 1)
        if (message[i] == code && message[i + 1] == wanted && i + 2 + wanted <= length) return message + i + 2;
    return NULL;
}

static void hear(int link, const unsigned char *message, int length, uint64_t now) {
    uint32_t xid;
    if (length < 244 || message[0] != 2) return;
    memcpy(&xid, message + 4, 4);
    uint64_t k = (uint64_t)ntohl(xid) - 1;
    const unsigned char *kind = find(message, length, 53, 1), *server_id = find(message, length, 54, 4);
    if (k >= started || !kind || !server_id) return;
    struct exchange *exchange = exchanges + k;
    if (*kind == 2 && !exchange->request_ns) {
        exchange->offer_took = now - exchange->discover_ns;
        if (exchange->offer_took > LATE_NS) return;
        offers++;
        exchange->request_ns = now;
        queue(link, k, message + 16, server_id);
    } else if (*kind == 5 && exchange->request_ns && !exchange->ack_took) {
        exchange->ack_took = now - exchange->request_ns;
        if (exchange->ack_took <= LATE_NS) acks++;
    } else if (*kind == 6) {
        naks++;
    }
}

static void receive(int link) {
    int count = recvmmsg(link, in, BATCH, MSG_DONTWAIT, NULL);
    uint64_t now = now_ns();
    for (int i = 0; i < count; i++) hear(link, in_bytes[i], (int)in[i].msg_len, now);
}

// Sleeps until something comes in or the next DISCOVER is due.
static void nap(int link, uint64_t due) {
    uint64_t now = now_ns(), left = due > now ? due - now : 0;
    struct timespec timeout = {.tv_nsec = (long)(left < 1000000 ? left : 1000000)};
    struct pollfd wait = {.fd = link, .events = POLLIN};
    if (left) ppoll(&wait, 1, &timeout, NULL);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

// The delay that `part` of the answers did not exceed, in milliseconds; lost ones count as a second.
static double delay_ms(size_t member, double part) {
    uint64_t *all = calloc(started + 1, sizeof *all);
    if (!all || !started) return -1;
    for (uint64_t k = 0; k < started; k++) {
        uint64_t took = *(uint64_t *)((char *)(exchanges + k) + member);
        all[k] = took && took < LATE_NS ? took : LATE_NS;
    }
    qsort(all, started, sizeof *all, compare);
    double found = (double)all[(uint64_t)((double)(started - 1) * part)] / 1e6;
    free(all);
    return found;
}

static int open_link(void) {
    int link = socket(AF_INET, SOCK_DGRAM, 0), bytes = 16 << 20;
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(67)};
    if (link < 0 || bind(link, (struct sockaddr *)&local, sizeof local)) die("port 67");
    setsockopt(link, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    setsockopt(link, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
    for (int i = 0; i < BATCH; i++) {
        out_parts[i] = (struct iovec){out_bytes[i], MESSAGE_BYTES};
        out[i].msg_hdr = (struct msghdr){
            .msg_name = &server, .msg_namelen = sizeof server, .msg_iov = out_parts + i, .msg_iovlen = 1};
        in_parts[i] = (struct iovec){in_bytes[i], sizeof in_bytes[i]};
        in[i].msg_hdr = (struct msghdr){.msg_iov = in_parts + i, .msg_iovlen = 1};
    }
    return link;
}

int main(int count, char **arguments) {
    unsigned char octets[6];
    struct in_addr address;
    if (count != 8) {
        fprintf(stderr, "usage: dora SERVER RATE SECONDS FIRST-MAC CLIENTS FIRST-RELAY RELAYS\n");
        return 2;
    }
    server.sin_port = htons(67);
    if (!inet_aton(arguments[1], &server.sin_addr) || !inet_aton(arguments[6], &address)) return 2;
    double rate = atof(arguments[2]), seconds = atof(arguments[3]);
    if (sscanf(arguments[4], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", octets, octets + 1, octets + 2, octets + 3, octets + 4,
            octets + 5) != 6) return 2;
    for (int i = 0; i < 6; i++) first_mac = first_mac << 8 | octets[i];
    clients = strtoull(arguments[5], NULL, 10);
    first_relay = ntohl(address.s_addr);
    relays = (uint32_t)strtoul(arguments[7], NULL, 10);
    planned = (uint64_t)(rate * seconds);
    exchanges = calloc(planned + 1, sizeof *exchanges);
    if (!exchanges || !clients || !relays || planned < 1) return 2;
    int link = open_link();

    uint64_t begin = now_ns(), end = begin + (uint64_t)(seconds * 1e9), sent_until = begin;
    for (uint64_t now = begin; now < end + LATE_NS && acks < planned; now = now_ns()) {
        while (now < end && started < planned && (double)(now - begin) * rate >= (double)started * 1e9) {
            exchanges[started].discover_ns = now;
            queue(link, started++, NULL, NULL);
            sent_until = now;
        }
        receive(link);
        flush(link);
        nap(link, started < planned ? begin + (uint64_t)((double)started * 1e9 / rate) : end + LATE_NS);
    }
    double span = (double)(sent_until - begin) / 1e9;
    printf("{\"planned\": %llu, \"sent\": %llu, \"offers\": %llu, \"acks\": %llu, \"naks\": %llu, \"rate\": %.0f, "
           "\"offer_p50_ms\": %.3f, \"offer_p99_ms\": %.3f, \"ack_p50_ms\": %.3f, \"ack_p99_ms\": %.3f}\n",
        (unsigned long long)planned, (unsigned long long)started, (unsigned long long)offers, (unsigned long long)acks,
        (unsigned long long)naks, span > 0 ? (double)started / span : 0,
        delay_ms(offsetof(struct exchange, offer_took), 0.5), delay_ms(offsetof(struct exchange, offer_took), 0.99),
        delay_ms(offsetof(struct exchange, ack_took), 0.5), delay_ms(offsetof(struct exchange, ack_took), 0.99));
    return 0;
}
