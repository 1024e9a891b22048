/* One output channel of a command: the first bytes as they come, then only the last ones, the rest counted. */
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
    bool readable;     /* until a read says otherwise */
    bool discard;      /* nobody wants the rest */
    bool brief;        /* its end is not told: the command's is enough */
    bool writers_gone; /* what is in the pipe now is all that counts */
    bool ended;        /* everything has been read */
    bool finished;     /* and everything has been sent */
    uint64_t last_bytes; /* how much that is, for a pipe */
    uint64_t total;
    uint64_t dropped;
    uint64_t gap_told; /* how much of `dropped` the host knows of */
    uint64_t head_left;
    uint64_t credit;
    uint64_t kill_at;
    size_t tail_limit;
    uint8_t *tail;
    size_t tail_size;
    size_t tail_at; /* where the next byte goes */
    size_t tail_used;
};

enum channel_state {
    CHANNEL_IDLE,  /* an event or credit must come first */
    CHANNEL_FULL,  /* the outbox has no room */
    CHANNEL_BUSY,  /* there is more, somebody else's turn first */
    CHANNEL_LIMIT, /* more than kill_at came; told once */
};

void channel_init(struct channel *c, uint8_t number);
/* Moves what can be moved in one turn. */
enum channel_state channel_pump(struct channel *c, uint32_t stream);
/*
 * The tree is dead, or its leader is and the rest may live on: what has been written so far is the output, even when
 * somebody else still holds the other end.
 */
void channel_writers_gone(struct channel *c);
/* For what outlives its command: reads and drops what is there; false at the end. */
bool channel_drain(struct channel *c);
/* What is not sent yet is dropped, and what still comes. */
void channel_discard(struct channel *c);
void channel_close(struct channel *c);

#endif
