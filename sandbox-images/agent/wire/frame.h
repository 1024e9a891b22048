/* The frame codec: parses frames from incoming bytes, and buffers outgoing ones in bounded memory. */
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

/* Parses the first frame of `data`; `used` is its length. The payload points into `data`. */
enum frame_result frame_take(const uint8_t *data, size_t length, struct frame *out, size_t *used);

/*
 * Initialises the outbox, which holds the bytes that the host has not read yet. It never grows: data is added only if
 * there is room, and delayed messages are stored as state of their command. Control frames have reserved space, so that
 * output never displaces an EXIT.
 */
void outbox_init(int fd);
bool outbox_empty(void);
/* Adds a control frame. Returns false if it does not fit; nothing is written then. */
bool outbox_control(uint32_t stream, uint8_t type, const void *payload, uint32_t length);
/* Returns space for a data payload and its size; NULL if too little is free. */
uint8_t *outbox_reserve(size_t *room);
void outbox_commit(uint32_t stream, uint8_t type, uint32_t length);
/* Writes as much as the host accepts without blocking. Returns 0, or -1 if the host has closed its end. */
int outbox_flush(void);
/* Writes like outbox_flush, but waits up to `limit_us` for a slow reader. */
void outbox_flush_within(uint64_t limit_us);
/* Called when the host's end is writable again. */
void outbox_writable(void);
/* True once after the outbox has been full and has room again. */
bool outbox_relieved(void);

#endif
