/* A command's stdin: what its pipe does not take yet, never more than the credit the host was given. */
#ifndef RIPCORD_INPUT_H
#define RIPCORD_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
    int fd;
    bool terminal;
    bool socket; /* its other direction has a descriptor of its own: closing one ends nothing */
    bool writable;
    bool eof_wanted;
    bool closed;      /* nobody reads it any more, or it has been closed */
    bool closed_owed; /* and the host has not been told */
    uint8_t *buffer;
    size_t start;
    size_t used;
    uint32_t credit; /* what the host may still send */
    uint32_t owed;   /* what was taken since the last STDIN_CREDIT */
};

void input_init(struct input *in);
/* False when the host sent more than its credit. */
bool input_accept(struct input *in, const uint8_t *data, uint32_t length);
void input_end(struct input *in);
void input_flush(struct input *in);
/* The reader has gone. */
void input_lost(struct input *in);
/* Sends what the host should know; false when there was no room. */
bool input_tell(struct input *in, uint32_t stream);
void input_close(struct input *in);

#endif
