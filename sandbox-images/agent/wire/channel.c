#define _GNU_SOURCE
#include "wire/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/protocol.h"
#include "base/util.h"
#include "wire/frame.h"

/* Size of the buffer for discarded output: fits the second-level cache and the pipe. */
#define SCRATCH_SIZE (64u * 1024)
#define FLOOD_PIPE_SIZE (256 * 1024)
/* Maximum number of bytes that one channel moves before the next one's turn. */
#define TURN_BYTES (256u * 1024)
/* Maximum size of all tail rings together. A later one gets the rest, and its gap reports the loss. */
#define TAILS_MAX (64u << 20)

static uint8_t scratch[SCRATCH_SIZE];
static size_t tails_total;

enum read_result { READ_SOME, READ_NOTHING, READ_END };

void channel_init(struct channel *c, uint8_t number) {
    memset(c, 0, sizeof *c);
    c->fd = -1;
    c->number = number;
}

static void tail_free(struct channel *c) {
    pages_free(c->tail, c->tail_size);
    tails_total -= c->tail_size;
    c->tail = NULL;
    c->tail_size = c->tail_used = c->tail_at = 0;
}

void channel_close(struct channel *c) {
    tail_free(c);
    close_fd(&c->fd);
}

static bool in_head(const struct channel *c) {
    return !c->discard && c->head_left > 0;
}

static void note_produced(struct channel *c, size_t n) {
    c->total += n;
    if (!c->writers_gone || c->terminal) return;
    c->last_bytes -= n;
    if (c->last_bytes == 0) c->ended = true;
}

/* Returns how many of the available bytes may be read: nothing after the last byte of the process tree. */
static size_t readable_part(const struct channel *c, size_t size) {
    return c->writers_gone && !c->terminal ? min_u64(size, c->last_bytes) : size;
}

/* Judges the result of a read. A terminal whose last user has closed it returns EIO; that is the end only if no process
 * is left to open it again. */
static enum read_result judge_read(struct channel *c, ssize_t n, int error) {
    if (n > 0) return READ_SOME;
    if (n < 0 && error == EINTR) return READ_NOTHING;
    c->readable = false;
    bool pending = n < 0 && (error == EAGAIN || (c->terminal && error == EIO));
    if (pending && !c->writers_gone) return READ_NOTHING;
    c->ended = true;
    return READ_END;
}

/* Enlarges the pipe, for fewer wake-ups in a flood. If it is refused because the user has too many pipes, output is
 * only slower. */
static void widen(struct channel *c) {
    if (!c->wide && !c->terminal) (void)fcntl(c->fd, F_SETPIPE_SZ, FLOOD_PIPE_SIZE);
    c->wide = true;
}

static void tail_begin(struct channel *c) {
    size_t want = c->tail_limit;
    c->tail_limit = 0;
    if (want > TAILS_MAX - tails_total) want = TAILS_MAX - tails_total;
    if (want == 0) return;
    c->tail = pages_alloc(want);
    if (c->tail == NULL) return;
    c->tail_size = want;
    tails_total += want;
    widen(c);
}

static void tail_push(struct channel *c, const uint8_t *data, size_t length) {
    size_t room = c->tail_size - c->tail_used;
    if (length > room) c->dropped += length - room;
    if (c->tail_size == 0) return;
    if (length > c->tail_size) {
        data += length - c->tail_size;
        length = c->tail_size;
    }
    size_t first = c->tail_size - c->tail_at;
    if (first > length) first = length;
    memcpy(c->tail + c->tail_at, data, first);
    memcpy(c->tail, data + first, length - first);
    c->tail_at = (c->tail_at + length) % c->tail_size;
    c->tail_used = length > room ? c->tail_size : c->tail_used + length;
}

static enum read_result read_tail(struct channel *c, size_t *moved) {
    ssize_t n = read(c->fd, scratch, readable_part(c, sizeof scratch));
    enum read_result result = judge_read(c, n, errno);
    if (result != READ_SOME) return result;
    note_produced(c, (size_t)n);
    *moved += (size_t)n;
    if (c->discard) {
        c->dropped += (size_t)n;
    } else {
        if (c->tail_limit > 0) tail_begin(c);
        tail_push(c, scratch, (size_t)n);
    }
    return READ_SOME;
}

/* Reads from the pipe directly into the outbox. */
static enum read_result read_head(struct channel *c, uint32_t stream, uint8_t *to, size_t room, size_t *moved) {
    size_t want = min_u64(min_u64(room, c->credit), c->head_left);
    ssize_t n = read(c->fd, to, readable_part(c, want));
    enum read_result result = judge_read(c, n, errno);
    if (result != READ_SOME) return result;
    if ((size_t)n == FRAME_PAYLOAD_MAX) widen(c);
    note_produced(c, (size_t)n);
    *moved += (size_t)n;
    c->credit -= (size_t)n;
    if (c->head_left != HEAD_EVERYTHING) c->head_left -= (size_t)n;
    outbox_commit(stream, c->number == CHANNEL_STDOUT ? T_STDOUT : T_STDERR, (uint32_t)n);
    return READ_SOME;
}

/* poll also flushes data that a terminal still holds. */
static bool has_data(const struct channel *c) {
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0;
}

static enum channel_state pump_reads(struct channel *c, uint32_t stream) {
    size_t moved = 0;
    while (!c->ended) {
        enum read_result result;
        if (!c->readable) return CHANNEL_IDLE;
        if (in_head(c)) {
            size_t room;
            if (c->credit == 0) {
                c->ended = c->writers_gone && !has_data(c);
                return CHANNEL_IDLE;
            }
            uint8_t *to = outbox_reserve(&room);
            if (to == NULL) return CHANNEL_FULL;
            result = read_head(c, stream, to, room, &moved);
        } else {
            result = read_tail(c, &moved);
        }
        if (c->kill_at != 0 && c->total > c->kill_at) {
            c->kill_at = 0;
            return CHANNEL_LIMIT;
        }
        if (result == READ_NOTHING && !c->readable) return CHANNEL_IDLE;
        if (moved >= TURN_BYTES) return CHANNEL_BUSY;
    }
    return CHANNEL_IDLE;
}

static bool send_gap(struct channel *c, uint32_t stream) {
    uint8_t payload[9];
    if (c->dropped == c->gap_told) return true;
    (void)put_u64(put_u8(payload, c->number), c->dropped - c->gap_told);
    if (!outbox_control(stream, T_OUTPUT_GAP, payload, sizeof payload)) return false;
    c->gap_told = c->dropped;
    return true;
}

static enum channel_state send_tail(struct channel *c, uint32_t stream) {
    while (c->tail_used > 0) {
        size_t room;
        if (c->credit == 0) return CHANNEL_IDLE;
        uint8_t *to = outbox_reserve(&room);
        if (to == NULL) return CHANNEL_FULL;
        size_t from = (c->tail_at + c->tail_size - c->tail_used) % c->tail_size;
        size_t n = min_u64(min_u64(room, c->credit), min_u64(c->tail_used, c->tail_size - from));
        memcpy(to, c->tail + from, n);
        outbox_commit(stream, c->number == CHANNEL_STDOUT ? T_STDOUT : T_STDERR, (uint32_t)n);
        c->credit -= n;
        c->tail_used -= n;
    }
    return CHANNEL_BUSY;
}

static enum channel_state send_end(struct channel *c, uint32_t stream) {
    uint8_t payload[9];
    if (!send_gap(c, stream)) return CHANNEL_FULL;
    enum channel_state state = send_tail(c, stream);
    if (state != CHANNEL_BUSY) return state;
    (void)put_u64(put_u8(payload, c->number), c->total);
    if (!c->brief && !outbox_control(stream, T_OUTPUT_EOF, payload, sizeof payload)) return CHANNEL_FULL;
    c->finished = true;
    tail_free(c);
    return CHANNEL_IDLE;
}

enum channel_state channel_pump(struct channel *c, uint32_t stream) {
    if (c->finished) return CHANNEL_IDLE;
    if (!c->ended) {
        enum channel_state state = pump_reads(c, stream);
        if (!c->ended) return state;
    }
    return send_end(c, stream);
}

void channel_writers_gone(struct channel *c) {
    int left = 0;
    if (c->writers_gone || c->ended || c->fd < 0) return;
    c->writers_gone = true;
    c->readable = true;
    if (c->terminal) return;
    if (ioctl(c->fd, FIONREAD, &left) != 0) left = 0;
    c->last_bytes = (uint64_t)left;
    if (left == 0) c->ended = true;
}

bool channel_drain(struct channel *c) {
    size_t moved = 0;
    channel_discard(c);
    c->ended = c->writers_gone = false;
    while (c->readable && !c->ended && moved < TURN_BYTES) (void)read_tail(c, &moved);
    return !c->ended;
}

void channel_discard(struct channel *c) {
    c->discard = true;
    c->dropped += c->tail_used;
    tail_free(c);
}
