#define _GNU_SOURCE
#include "wire/messages.h"

#include <string.h>

#include "base/protocol.h"

static bool copy_text(struct slice s, char *out, size_t size) {
    if (s.length >= size || (s.length > 0 && memchr(s.at, '\0', s.length) != NULL)) return false;
    if (s.length > 0) memcpy(out, s.at, s.length);
    out[s.length] = '\0';
    return true;
}

/* Removes trailing slashes: `/workspace/` and `/workspace` are equal. */
static void trim_slashes(char *path) {
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') path[--length] = '\0';
}

bool hello_next_mode(struct cursor *modes, char *path, size_t size, uint32_t *mode) {
    if (modes->left == 0) return false;
    struct slice text = take_str(modes);
    *mode = take_u32(modes);
    return !modes->bad && copy_text(text, path, size) && path[0] == '/';
}

enum hello_result hello_parse(const struct frame *f, struct hello *out) {
    struct cursor c = {f->payload, f->length, false};
    uint32_t magic = take_u32(&c);
    out->version = take_u16(&c);
    if (c.bad || magic != PROTOCOL_MAGIC) return HELLO_MALFORMED;
    if (out->version != PROTOCOL_VERSION) return HELLO_OTHER_VERSION;
    out->flags = take_u16(&c);
    out->lease_ms = take_u32(&c);
    out->lifetime_ms = take_u64(&c);
    struct slice workspace = take_str(&c);
    struct slice user = take_str(&c);
    if (c.bad || !copy_text(workspace, out->workspace, sizeof out->workspace)) return HELLO_MALFORMED;
    if (!copy_text(user, out->default_user, sizeof out->default_user)) return HELLO_MALFORMED;
    if (out->workspace[0] != '/') return HELLO_MALFORMED;
    trim_slashes(out->workspace);
    out->modes = c;
    char path[PATH_MAX];
    uint32_t mode;
    while (c.left > 0) {
        if (!hello_next_mode(&c, path, sizeof path, &mode)) return HELLO_MALFORMED;
    }
    if (out->default_user[0] == '\0') memcpy(out->default_user, "1000:1000", sizeof "1000:1000");
    return HELLO_OK;
}
