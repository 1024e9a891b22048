#define _GNU_SOURCE
#include "wire/input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/protocol.h"
#include "base/pty.h"
#include "base/util.h"
#include "wire/frame.h"

/* Credit is returned in larger amounts: a frame for every write would double the traffic. */
#define CREDIT_LUMP (STDIN_WINDOW / 4)
#define INPUT_PIPE_SIZE (256 * 1024)

void input_init(struct input *in) {
    memset(in, 0, sizeof *in);
    in->fd = -1;
    in->writable = true;
    in->credit = STDIN_WINDOW;
}

void input_close(struct input *in) {
    pages_free(in->buffer, STDIN_WINDOW);
    in->buffer = NULL;
    in->used = 0;
    in->closed = true;
    if (in->socket && in->fd >= 0) (void)shutdown(in->fd, SHUT_WR);
    close_fd(&in->fd);
}

void input_lost(struct input *in) {
    if (in->closed) return;
    in->closed_owed = true;
    input_close(in);
}

static size_t write_some(struct input *in, const uint8_t *data, size_t length) {
    size_t done = 0;
    while (done < length && in->writable && !in->closed) {
        ssize_t n = write(in->fd, data + done, length - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN) {
            in->writable = false;
        } else if (errno != EINTR) {
            input_lost(in);
        }
    }
    in->owed += (uint32_t)done;
    return done;
}

static void keep(struct input *in, const uint8_t *data, size_t length) {
    if (in->buffer == NULL) {
        in->buffer = pages_alloc(STDIN_WINDOW);
        /* Enlarge the pipe for fewer wake-ups. If it is refused because the user has too many pipes, input is only
         * slower. */
        (void)fcntl(in->fd, F_SETPIPE_SZ, INPUT_PIPE_SIZE);
    }
    if (in->buffer == NULL) {
        input_lost(in);
        return;
    }
    size_t at = (in->start + in->used) % STDIN_WINDOW;
    size_t first = STDIN_WINDOW - at;
    if (first > length) first = length;
    memcpy(in->buffer + at, data, first);
    memcpy(in->buffer, data + first, length - first);
    in->used += length;
}

bool input_accept(struct input *in, const uint8_t *data, uint32_t length) {
    if (in->closed || in->eof_wanted) return true;
    if (length > in->credit) return false;
    in->credit -= length;
    size_t done = in->used == 0 && in->fd >= 0 ? write_some(in, data, length) : 0;
    if (!in->closed && done < length) keep(in, data + done, length - done);
    return true;
}

static void flush_buffer(struct input *in) {
    while (in->used > 0 && in->writable && !in->closed) {
        size_t first = STDIN_WINDOW - in->start;
        size_t done = write_some(in, in->buffer + in->start, first < in->used ? first : in->used);
        if (in->closed) return;
        in->start = (in->start + done) % STDIN_WINDOW;
        in->used -= done;
    }
    if (in->used == 0) {
        pages_free(in->buffer, STDIN_WINDOW);
        in->buffer = NULL;
        in->start = 0;
    }
}

/* Ends the input of a terminal by its end character, as a person would. Returns false to try again later. */
static bool end_terminal(struct input *in) {
    int character = pty_end_character(in->fd);
    uint8_t byte = (uint8_t)character;
    return character <= 0 || write_some(in, &byte, 1) == 1 || in->closed;
}

void input_flush(struct input *in) {
    if (in->closed || in->fd < 0) return;
    if (in->used > 0) flush_buffer(in);
    if (in->closed || !in->eof_wanted || in->used > 0) return;
    if (!in->terminal || end_terminal(in)) input_close(in);
}

void input_end(struct input *in) {
    in->eof_wanted = true;
    input_flush(in);
}

bool input_tell(struct input *in, uint32_t stream) {
    uint8_t payload[4];
    if (in->closed_owed) {
        if (!outbox_control(stream, T_STDIN_CLOSED, NULL, 0)) return false;
        in->closed_owed = false;
    }
    if (in->closed || in->eof_wanted || in->owed < CREDIT_LUMP) return true;
    (void)put_u32(payload, in->owed);
    if (!outbox_control(stream, T_STDIN_CREDIT, payload, sizeof payload)) return false;
    in->credit += in->owed;
    in->owed = 0;
    return true;
}
