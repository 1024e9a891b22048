/* Reads and writes little-endian integers in byte buffers, with a cursor that never reads past the end. */
#ifndef RIPCORD_BYTES_H
#define RIPCORD_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *at;
    uint32_t length;
};

/* Once `bad` is set, every further take returns zero: callers check once, at the end. */
struct cursor {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static inline bool cursor_has(struct cursor *c, size_t n) {
    if (c->bad || c->left < n) {
        c->bad = true;
        return false;
    }
    return true;
}

static inline void cursor_skip(struct cursor *c, size_t n) {
    c->at += n;
    c->left -= n;
}

static inline uint8_t take_u8(struct cursor *c) {
    if (!cursor_has(c, 1)) return 0;
    uint8_t v = c->at[0];
    cursor_skip(c, 1);
    return v;
}

static inline uint16_t take_u16(struct cursor *c) {
    uint16_t v;
    if (!cursor_has(c, sizeof v)) return 0;
    memcpy(&v, c->at, sizeof v);
    cursor_skip(c, sizeof v);
    return le16toh(v);
}

static inline uint32_t take_u32(struct cursor *c) {
    uint32_t v;
    if (!cursor_has(c, sizeof v)) return 0;
    memcpy(&v, c->at, sizeof v);
    cursor_skip(c, sizeof v);
    return le32toh(v);
}

static inline uint64_t take_u64(struct cursor *c) {
    uint64_t v;
    if (!cursor_has(c, sizeof v)) return 0;
    memcpy(&v, c->at, sizeof v);
    cursor_skip(c, sizeof v);
    return le64toh(v);
}

static inline struct slice take_str(struct cursor *c) {
    uint32_t length = take_u32(c);
    if (!cursor_has(c, length)) return (struct slice){c->at, 0};
    struct slice s = {c->at, length};
    cursor_skip(c, length);
    return s;
}

static inline uint8_t *put_u8(uint8_t *p, uint8_t v) {
    *p = v;
    return p + 1;
}

static inline uint8_t *put_u16(uint8_t *p, uint16_t v) {
    v = htole16(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static inline uint8_t *put_u32(uint8_t *p, uint32_t v) {
    v = htole32(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static inline uint8_t *put_u64(uint8_t *p, uint64_t v) {
    v = htole64(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

static inline uint8_t *put_bytes(uint8_t *p, const void *data, uint32_t length) {
    p = put_u32(p, length);
    if (length > 0) memcpy(p, data, length);
    return p + length;
}

static inline uint64_t min_u64(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

#endif
