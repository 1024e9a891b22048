#define _GNU_SOURCE
#include "command/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/util.h"
#include "command/command-state.h"
#include "command/command-stdio.h"
#include "wire/frame.h"
#include "wire/loop.h"

/* Maximum number of connections. Half of the streams are reserved for commands. */
#define CONNECTIONS_MAX (STREAMS_MAX / 2)
#define WAITING_MAX 128

static struct {
    int fd;
    uint16_t port;
    uint32_t limit;
    bool answer_owed;
    int error;
} listener = {.fd = -1};

static int open_listener(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return errno;
    if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, WAITING_MAX) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0 ||
        loop_watch(fd, EPOLLIN, watch_tag(WATCH_LISTENER, 0, 0)) != 0) {
        int error = errno;
        (void)close(fd);
        return error;
    }
    listener.fd = fd;
    listener.port = ntohs(address.sin_port);
    return 0;
}

void connections_listen(uint16_t port, uint16_t limit) {
    listener.error = listener.fd >= 0 ? EBUSY : open_listener(port);
    if (listener.error == 0) listener.limit = (uint32_t)min_u64(limit, CONNECTIONS_MAX);
    listener.answer_owed = true;
}

bool connections_answer(void) {
    uint8_t payload[6];
    if (!listener.answer_owed) return true;
    (void)put_u32(put_u16(payload, listener.error == 0 ? listener.port : 0), (uint32_t)listener.error);
    listener.answer_owed = !outbox_control(0, T_LISTENING, payload, sizeof payload);
    return !listener.answer_owed;
}

void connections_stop(void) {
    if (listener.fd >= 0) loop_unwatch(listener.fd);
    close_fd(&listener.fd);
}

static uint32_t count_connections(void) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < commands.count; i++) count += commands.active[i]->phase == PHASE_CONNECTION;
    return count;
}

uint32_t connections_sockets(void) {
    return (listener.fd < 0 ? 0 : 1) + count_connections();
}

/* Takes ownership of both descriptors. */
static void adopt(int reader, int writer) {
    int one = 1;
    struct command *c = command_claim(commands.last_accepted + 2);
    if (c == NULL) {
        close_fd(&reader);
        close_fd(&writer);
        return;
    }
    commands.last_accepted = c->stream;
    c->phase = PHASE_CONNECTION;
    c->out[0].head_left = HEAD_EVERYTHING;
    c->out[1].ended = c->out[1].finished = true;
    c->in.socket = true;
    (void)setsockopt(reader, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (command_adopt_output(c, 0, &reader) != 0 || command_adopt_input(c, &writer) != 0) {
        close_fd(&writer);
        connection_reset(c);
    }
    command_kick(c);
}

void connections_event(void) {
    while (listener.fd >= 0 && count_connections() < listener.limit) {
        int reader = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (reader < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (reader < 0) return;
        /* Use two descriptors, because each direction is closed by itself. */
        int writer = fcntl(reader, F_DUPFD_CLOEXEC, 3);
        if (writer < 0) {
            close_fd(&reader);
            return;
        }
        adopt(reader, writer);
    }
}

void connections_retry(void) {
    if (listener.fd >= 0) connections_event();
}

void connection_reset(struct command *c) {
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (c->out[0].fd >= 0) (void)setsockopt(c->out[0].fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    /* Do not shut it down first: truncated data must not look complete. */
    c->in.socket = false;
    command_close_input(&c->in);
    command_close_output(&c->out[0]);
    c->out[0].ended = c->out[0].finished = true;
    command_kick(c);
}
