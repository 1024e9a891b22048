/* The spawn request: parsed in place, hostile to nothing but its own buffer. */
#ifndef RIPCORD_SPAWN_REQUEST_H
#define RIPCORD_SPAWN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define SPAWN_PROGRAM_NAME_MAX 32

struct spawn_request {
    uint16_t flags;
    uint64_t timeout_ms;
    uint32_t grace_ms;
    uint64_t head[2];
    uint64_t tail[2];
    uint64_t kill_at_bytes;
    uint32_t credit[2];
    uint16_t cols;
    uint16_t rows;
    const char *user;
    const char *cwd;
    /* One allocation holds both, each ended by NULL. */
    char **argv;
    char **env;
    uint32_t argc;
    uint32_t envc;
    /* Only with SPAWN_PROGRAM: the name of a file that exists as long as the command, what is in it, and which of the
     * arguments is to be its path. */
    const char *program;
    struct slice text;
    uint32_t program_at;
    bool warm; /* a fork of a warm interpreter will do */
    uint32_t drain_ms; /* descendants that outlive the leader may go on for this long */
};

/*
 * Every string is moved over its own length prefix, which makes the room for its NUL: no copy of the request is needed.
 * The strings point into `bytes`, which must outlive the request. 0, or EINVAL, ENOMEM.
 */
int spawn_request_parse(uint8_t *bytes, size_t length, struct spawn_request *out);
/* A plain name of a file, short enough. */
bool spawn_is_program_name(const char *name);
void spawn_request_free(struct spawn_request *request);

#endif
