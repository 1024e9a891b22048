/* Parses a spawn request in place. It modifies only its own buffer. */
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
    /* Arguments and environment in one allocation, each list ended by NULL. */
    char **argv;
    char **env;
    uint32_t argc;
    uint32_t envc;
    /* Only with SPAWN_PROGRAM: the name of a file that exists as long as the command, its content, and the index of the
     * argument that becomes its path. */
    const char *program;
    struct slice text;
    uint32_t program_at;
    bool warm; /* may run in a fork of a warm interpreter */
    uint32_t drain_ms; /* time in which descendants may outlive the leader */
};

/*
 * Parses a request. Every string is moved over its own length prefix, which makes room for its NUL, so no copy of the
 * request is needed. The strings point into `bytes`, which must outlive the request. Returns 0, or EINVAL, ENOMEM.
 */
int spawn_request_parse(uint8_t *bytes, size_t length, struct spawn_request *out);
/* Returns true for a plain file name that is short enough. */
bool spawn_is_program_name(const char *name);
void spawn_request_free(struct spawn_request *request);

#endif
