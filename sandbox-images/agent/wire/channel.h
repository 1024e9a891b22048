/* One output channel of a command: the first bytes are sent as they arrive, then only the last ones are kept and the
 * rest is counted. */
#ifndef RIPCORD_CHANNEL_H
#define RIPCORD_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channel {
    int fd;
    uint8_t number;
    bool terminal;
    bool wide;         /* its pipe has been made larger */
    bool readable;     /* true until a read would block */
    bool discard;      /* the rest is dropped */
    bool brief;        /* its end is not reported: the command's is enough */
    bool writers_gone; /* only bytes already in the pipe count */
    bool ended;        /* everything has been read */
    bool finished;     /* and everything has been sent */
    uint64_t last_bytes; /* number of those bytes, for a pipe */
    uint64_t total;
    uint64_t dropped;
    uint64_t gap_told; /* part of `dropped` that the host was sent */
    uint64_t head_left;
    uint64_t credit;
    uint64_t kill_at;
    size_t tail_limit;
    uint8_t *tail;
    size_t tail_size;
    size_t tail_at; /* position of the next byte */
    size_t tail_used;
};

enum channel_state {
    CHANNEL_IDLE,  /* an event or credit must come first */
    CHANNEL_FULL,  /* the outbox is full */
    CHANNEL_BUSY,  /* more data, but other channels come first */
    CHANNEL_LIMIT, /* more than kill_at arrived; returned once */
};

void channel_init(struct channel *c, uint8_t number);
/* Moves as much as possible in one turn. */
enum channel_state channel_pump(struct channel *c, uint32_t stream);
/*
 * Ends the output at the bytes written so far, even if a process still holds the other end: the tree is dead, or its
 * leader is and the rest may live on.
 */
void channel_writers_gone(struct channel *c);
/* Reads and drops output of processes that outlive their command. Returns false at the end. */
bool channel_drain(struct channel *c);
/* Drops unsent and future output. */
void channel_discard(struct channel *c);
void channel_close(struct channel *c);

#endif
