#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/util.h"
#include "fs/fs.h"

#define FAILURE_MAGIC 0x31455346u
#define OUT_SIZE (256u * 1024)
#define OUT_ROOM (64u * 1024)

static uint8_t out[OUT_SIZE];
static size_t out_used;

_Noreturn void fs_fail(int error, const char *path, const char *message) {
    uint8_t record[2 * PATH_MAX];
    size_t path_length = strnlen(path, PATH_MAX);
    uint8_t *p = put_u32(record, FAILURE_MAGIC);
    p = put_u32(p, (uint32_t)error);
    p = put_bytes(p, path, (uint32_t)path_length);
    p = put_bytes(p, message, (uint32_t)strnlen(message, 256));
    (void)write_all(STDERR_FILENO, record, (size_t)(p - record));
    _exit(1);
}

const char *argument_text(const struct fs_arguments *a, int index) {
    if (index >= a->count) fs_fail(EINVAL, a->operation, "an argument is missing");
    return a->list[index];
}

uint64_t argument_number(const struct fs_arguments *a, int index, uint64_t fallback) {
    uint64_t value;
    if (index >= a->count || strcmp(a->list[index], "-") == 0) return fallback;
    if (strcmp(a->list[index], "-1") == 0) return NO_LIMIT;
    if (!parse_u64(a->list[index], strlen(a->list[index]), 10, INT64_MAX, &value)) {
        fs_fail(EINVAL, a->list[index], "not a number");
    }
    return value;
}

mode_t argument_mode(const struct fs_arguments *a, int index, mode_t fallback) {
    uint64_t value;
    if (index >= a->count || strcmp(a->list[index], "-") == 0) return fallback;
    if (!parse_u64(a->list[index], strlen(a->list[index]), 8, 07777, &value)) {
        fs_fail(EINVAL, a->list[index], "not a mode");
    }
    return (mode_t)value & 0777;
}

void out_flush(void) {
    if (write_all(STDOUT_FILENO, out, out_used) != 0) fs_fail(errno, "", "write to stdout");
    out_used = 0;
}

uint8_t *out_space(size_t *room) {
    if (OUT_SIZE - out_used < OUT_ROOM) out_flush();
    *room = OUT_SIZE - out_used;
    return out + out_used;
}

void out_advance(size_t length) {
    out_used += length;
}

void out_bytes(const void *data, size_t length) {
    const uint8_t *at = data;
    while (length > 0) {
        size_t room;
        uint8_t *to = out_space(&room);
        size_t n = room < length ? room : length;
        memcpy(to, at, n);
        out_advance(n);
        at += n;
        length -= n;
    }
}
