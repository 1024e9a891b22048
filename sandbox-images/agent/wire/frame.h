/* The frame codec: cutting frames out of the incoming bytes, and the bounded buffer of outgoing ones. */
#ifndef RIPCORD_FRAME_H
#define RIPCORD_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
    uint32_t stream;
    uint8_t type;
    uint32_t length;
    const uint8_t *payload;
};

enum frame_result { FRAME_INCOMPLETE, FRAME_COMPLETE, FRAME_TOO_LONG };

/* The first frame of `data`; `used` is what it takes up. The payload points into `data`. */
enum frame_result frame_take(const uint8_t *data, size_t length, struct frame *out, size_t *used);

/*
 * The outbox holds what the host has not read yet. It never grows: data is only put in when there is room, and what
 * must be said later is kept as state of the command it belongs to. Control frames have a part of their own, so that
 * output never crowds out an EXIT.
 */
void outbox_init(int fd);
bool outbox_empty(void);
/* False when there is no room; nothing is written then. */
bool outbox_control(uint32_t stream, uint8_t type, const void *payload, uint32_t length);
/* Where a data payload may be written, and how much; NULL when there is no room worth using. */
uint8_t *outbox_reserve(size_t *room);
void outbox_commit(uint32_t stream, uint8_t type, uint32_t length);
/* Writes what the host takes without blocking. 0, or -1 when nobody will ever read it. */
int outbox_flush(void);
/* The same, waiting up to `limit_us` for a slow reader. */
void outbox_flush_within(uint64_t limit_us);
/* The host end has become writable. */
void outbox_writable(void);
/* True once after the outbox has been full and has room again. */
bool outbox_relieved(void);

#endif
