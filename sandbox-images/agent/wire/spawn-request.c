#define _GNU_SOURCE
#include "wire/spawn-request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/protocol.h"

bool spawn_is_program_name(const char *name) {
    size_t length = strlen(name);
    return length > 0 && length < SPAWN_PROGRAM_NAME_MAX && name[0] != '.' && strchr(name, '/') == NULL;
}

static uint64_t capped(uint64_t value, uint64_t max) {
    return value < max ? value : max;
}

static char *terminate(struct slice s) {
    char *moved = (char *)(uintptr_t)s.at - sizeof(uint32_t);
    memmove(moved, s.at, s.length);
    moved[s.length] = '\0';
    return moved;
}

/* Reads a string. Returns NULL for a bad request: a NUL inside would silently shorten the string. */
static char *take_text(struct cursor *c) {
    struct slice s = take_str(c);
    if (!c->bad && s.length > 0 && memchr(s.at, '\0', s.length) != NULL) c->bad = true;
    return c->bad ? NULL : terminate(s);
}

/* Reads a count. Each string takes at least four bytes, so a count is checked before memory is allocated. */
static uint32_t take_count(struct cursor *c) {
    uint32_t count = take_u32(c);
    if (count > c->left / sizeof(uint32_t)) c->bad = true;
    return c->bad ? 0 : count;
}

static void take_fixed(struct cursor *c, struct spawn_request *r) {
    r->flags = take_u16(c);
    r->timeout_ms = take_u64(c);
    r->grace_ms = take_u32(c);
    for (int i = 0; i < 2; i++) {
        r->head[i] = take_u64(c);
        r->tail[i] = capped(take_u64(c), TAIL_MAX);
    }
    r->kill_at_bytes = take_u64(c);
    r->credit[0] = take_u32(c);
    r->credit[1] = take_u32(c);
    r->cols = take_u16(c);
    r->rows = take_u16(c);
    r->user = take_text(c);
    r->cwd = take_text(c);
}

/* Finds the beginning of the environment, without moving anything yet. */
static uint32_t count_env(struct cursor c, uint32_t argc) {
    for (uint32_t i = 0; i < argc && !c.bad; i++) (void)take_str(&c);
    return take_count(&c);
}

static bool is_assignment(const char *text) {
    const char *sign = text == NULL ? NULL : strchr(text, '=');
    return sign != NULL && sign != text;
}

/* Reads the program. The command need not be an interpreter, but a file operation cannot have a program. */
static void take_program(struct cursor *c, struct spawn_request *r) {
    if ((r->flags & SPAWN_PROGRAM) == 0) return;
    r->warm = take_u8(c) != 0;
    r->program_at = take_u32(c);
    r->program = take_text(c);
    r->text = take_str(c);
    if (c->bad || !spawn_is_program_name(r->program) || (r->flags & SPAWN_FS) != 0) c->bad = true;
    if (r->program_at == 0 || r->program_at >= r->argc) c->bad = true;
}

int spawn_request_parse(uint8_t *bytes, size_t length, struct spawn_request *out) {
    struct cursor c = {bytes, length, false};
    memset(out, 0, sizeof *out);
    take_fixed(&c, out);
    out->argc = take_count(&c);
    if (c.bad || out->argc == 0) return EINVAL;
    out->envc = count_env(c, out->argc);

    out->argv = calloc((size_t)out->argc + out->envc + 2, sizeof *out->argv);
    if (out->argv == NULL) return ENOMEM;
    out->env = out->argv + out->argc + 1;
    for (uint32_t i = 0; i < out->argc; i++) out->argv[i] = take_text(&c);
    if (take_count(&c) != out->envc) c.bad = true;
    for (uint32_t i = 0; i < out->envc && !c.bad; i++) {
        out->env[i] = take_text(&c);
        if (!is_assignment(out->env[i])) c.bad = true;
    }
    take_program(&c, out);
    /* Older hosts omit this field. */
    if (!c.bad && c.left > 0) out->drain_ms = take_u32(&c);
    if (!c.bad && out->argv[0][0] != '\0') return 0;
    spawn_request_free(out);
    return EINVAL;
}

void spawn_request_free(struct spawn_request *request) {
    free(request->argv);
    request->argv = request->env = NULL;
}
