/* Stdin of a command: buffers the bytes that its pipe does not accept yet, never more than the credit of the host. */
#ifndef RIPCORD_INPUT_H
#define RIPCORD_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input {
    int fd;
    bool terminal;
    bool socket; /* a socket, whose other direction has its own descriptor: closing one does not end the connection */
    bool writable;
    bool eof_wanted;
    bool closed;      /* its reader has gone, or it was closed */
    bool closed_owed; /* closed, and the host was not notified yet */
    uint8_t *buffer;
    size_t start;
    size_t used;
    uint32_t credit; /* bytes that the host may still send */
    uint32_t owed;   /* bytes accepted since the last STDIN_CREDIT */
};

void input_init(struct input *in);
/* Accepts data. Returns false if the host sent more than its credit. */
bool input_accept(struct input *in, const uint8_t *data, uint32_t length);
void input_end(struct input *in);
void input_flush(struct input *in);
/* Called when the reader has gone. */
void input_lost(struct input *in);
/* Sends credit and STDIN_CLOSED. Returns false if the outbox is full. */
bool input_tell(struct input *in, uint32_t stream);
void input_close(struct input *in);

#endif
