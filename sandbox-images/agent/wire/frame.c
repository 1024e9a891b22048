#define _GNU_SOURCE
#include "wire/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/protocol.h"
#include "base/util.h"

#define OUTBOX_SIZE (256u * 1024)
/* Size of the part of the outbox that is reserved for control frames. */
#define CONTROL_RESERVE (16u * 1024)
/* Minimum size of a data frame: a smaller one is not worth its header and system calls. */
#define DATA_MIN 4096u

enum frame_result frame_take(const uint8_t *data, size_t length, struct frame *out, size_t *used) {
    struct cursor c = {data, length, false};
    uint32_t payload = take_u32(&c);
    /* Check the length as soon as it is known, before waiting for the rest of the frame. */
    if (!c.bad && payload > FRAME_PAYLOAD_MAX) return FRAME_TOO_LONG;
    out->stream = take_u32(&c);
    out->type = take_u8(&c);
    if (!cursor_has(&c, payload)) return FRAME_INCOMPLETE;
    out->length = payload;
    out->payload = c.at;
    *used = FRAME_HEADER + payload;
    return FRAME_COMPLETE;
}

static struct {
    int fd;
    size_t start;
    size_t end;
    bool writable;
    bool wide; /* the pipe has been made larger */
    bool refused; /* a frame was refused since the outbox last had room */
    uint8_t bytes[OUTBOX_SIZE];
} box;

void outbox_init(int fd) {
    box.fd = fd;
    box.writable = true;
}

bool outbox_empty(void) {
    return box.start == box.end;
}

/* Moves the content to the front, but only if that frees half of the outbox: a slow reader must not cause a copy of
 * everything for every few bytes. */
static void outbox_compact(void) {
    if (box.start == box.end) {
        box.start = box.end = 0;
    } else if (box.start >= OUTBOX_SIZE / 2) {
        memmove(box.bytes, box.bytes + box.start, box.end - box.start);
        box.end -= box.start;
        box.start = 0;
    }
}

static void put_header(uint32_t stream, uint8_t type, uint32_t length) {
    uint8_t *p = box.bytes + box.end;
    p = put_u32(p, length);
    p = put_u32(p, stream);
    (void)put_u8(p, type);
    box.end += FRAME_HEADER + length;
}

bool outbox_control(uint32_t stream, uint8_t type, const void *payload, uint32_t length) {
    outbox_compact();
    if (OUTBOX_SIZE - box.end < FRAME_HEADER + length) {
        box.refused = true;
        return false;
    }
    if (length > 0) memcpy(box.bytes + box.end + FRAME_HEADER, payload, length);
    put_header(stream, type, length);
    return true;
}

uint8_t *outbox_reserve(size_t *room) {
    outbox_compact();
    size_t left = OUTBOX_SIZE - box.end;
    if (left < CONTROL_RESERVE + FRAME_HEADER + DATA_MIN) {
        box.refused = true;
        return NULL;
    }
    left -= CONTROL_RESERVE + FRAME_HEADER;
    *room = left < FRAME_PAYLOAD_MAX ? left : FRAME_PAYLOAD_MAX;
    return box.bytes + box.end + FRAME_HEADER;
}

void outbox_commit(uint32_t stream, uint8_t type, uint32_t length) {
    put_header(stream, type, length);
}

/* Enlarges the pipe to the size of the outbox, so that its reader, which reads small pieces, is woken up less often.
 * Only done after the pipe was full: all pipes of a user count together, and above a limit new ones are tiny. */
static void widen(void) {
    if (!box.wide) (void)fcntl(box.fd, F_SETPIPE_SZ, OUTBOX_SIZE);
    box.wide = true;
}

int outbox_flush(void) {
    while (box.writable && box.start < box.end) {
        ssize_t n = write(box.fd, box.bytes + box.start, box.end - box.start);
        if (n >= 0) {
            box.start += (size_t)n;
        } else if (errno == EAGAIN) {
            box.writable = false;
            widen();
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

void outbox_flush_within(uint64_t limit_us) {
    uint64_t end = now_us() + limit_us;
    for (;;) {
        box.writable = true;
        if (outbox_flush() != 0 || outbox_empty()) return;
        uint64_t now = now_us();
        if (now >= end) return;
        struct pollfd p = {.fd = box.fd, .events = POLLOUT};
        (void)poll(&p, 1, (int)((end - now) / 1000 + 1));
    }
}

void outbox_writable(void) {
    box.writable = true;
}

bool outbox_relieved(void) {
    if (!box.refused) return false;
    outbox_compact();
    if (OUTBOX_SIZE - box.end < OUTBOX_SIZE / 2) return false;
    box.refused = false;
    return true;
}
