/* Implements `connect`: a TCP connection to a port of the sandbox, on stdin and stdout. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/util.h"
#include "fs/fs.h"

#define HALF_SIZE (64u * 1024)

/* One direction. It buffers unwritten bytes, and reads no more until they are written. */
struct half {
    int from;
    int to;
    size_t start;
    size_t end;
    bool done;
    uint8_t bytes[HALF_SIZE];
};

static int try_address(const struct sockaddr *address, socklen_t length) {
    int one = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (connect(fd, address, length) != 0) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return -1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* Connects by IPv4 and IPv6: a server on localhost may listen on either. */
static int open_connection(uint16_t port) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = try_address((struct sockaddr *)&v4, sizeof v4);
    if (fd >= 0 || errno != ECONNREFUSED) return fd;
    fd = try_address((struct sockaddr *)&v6, sizeof v6);
    /* Without IPv6 the error of the first attempt counts. */
    if (fd < 0) errno = ECONNREFUSED;
    return fd;
}

/* Reads once. Returns false at the end of the input. */
static bool half_read(struct half *h) {
    ssize_t n = read(h->from, h->bytes, sizeof h->bytes);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    h->start = 0;
    h->end = (size_t)n;
    return n > 0;
}

/* Writes once. Returns false if the other side does not accept data any more. */
static bool half_write(struct half *h) {
    ssize_t n = write(h->to, h->bytes + h->start, h->end - h->start);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    h->start += (size_t)n;
    return true;
}

static struct pollfd half_wish(const struct half *h) {
    if (h->done) return (struct pollfd){.fd = -1};
    if (h->start < h->end) return (struct pollfd){.fd = h->to, .events = POLLOUT};
    return (struct pollfd){.fd = h->from, .events = POLLIN};
}

/* Passes the end of one direction on, while the opposite direction continues. */
static void half_finish(struct half *h, int socket) {
    h->done = true;
    if (h->to == socket) {
        (void)shutdown(socket, SHUT_WR);
    } else {
        (void)close(h->to);
    }
}

static void shuttle(int socket) {
    static struct half in, out;
    in.from = STDIN_FILENO;
    in.to = out.from = socket;
    out.to = STDOUT_FILENO;
    while (!in.done || !out.done) {
        struct pollfd wishes[2] = {half_wish(&in), half_wish(&out)};
        if (poll(wishes, 2, -1) < 0 && errno != EINTR) return;
        for (int i = 0; i < 2; i++) {
            struct half *h = i == 0 ? &in : &out;
            if (h->done || wishes[i].revents == 0) continue;
            if (h->start < h->end) {
                if (half_write(h)) continue;
                if (h->to != socket) return;
                /* The server accepts no more data, but its output must still be read. */
                h->done = true;
            } else if (!half_read(h)) {
                half_finish(h, socket);
            }
        }
    }
}

void net_connect(const struct fs_arguments *a) {
    static const uint8_t connected = 1;
    uint64_t port = argument_number(a, 0, 0);
    if (port == 0 || port > UINT16_MAX) fs_fail(EINVAL, argument_text(a, 0), "not a port");
    (void)signal(SIGPIPE, SIG_IGN);
    int socket = open_connection((uint16_t)port);
    if (socket < 0) fs_fail(errno, argument_text(a, 0), "connect");
    (void)set_nonblocking(socket);
    (void)set_nonblocking(STDIN_FILENO);
    (void)set_nonblocking(STDOUT_FILENO);
    /* Send this byte to report the connection: the host waits for it. */
    if (write_all(STDOUT_FILENO, &connected, 1) == 0) shuttle(socket);
    _exit(0);
}
