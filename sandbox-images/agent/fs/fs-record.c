#define _GNU_SOURCE
#include "fs/fs-record.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "fs/fs.h"

#define SECONDS_MAX (INT64_MAX / 1000000000 - 1)

static uint8_t kind_of(mode_t mode) {
    if (S_ISREG(mode)) return 'f';
    if (S_ISDIR(mode)) return 'd';
    return S_ISLNK(mode) ? 'l' : 'o';
}

/* Converts a time without overflow: the sandbox can set any time on its files. */
static int64_t nanoseconds(const struct timespec *t) {
    int64_t seconds = t->tv_sec;
    if (seconds > SECONDS_MAX) seconds = SECONDS_MAX;
    if (seconds < -SECONDS_MAX) seconds = -SECONDS_MAX;
    return seconds * 1000000000 + t->tv_nsec;
}

void record_read_link(struct record *r, int dir, const char *name) {
    r->link_length = 0;
    if (!S_ISLNK(r->st.st_mode)) return;
    ssize_t n = readlinkat(dir, name, r->link, sizeof r->link);
    if (n < 0) fs_fail(errno, r->path, "readlink");
    r->link_length = (uint32_t)n;
}

void record_write(const struct record *r) {
    uint8_t head[80];
    uint32_t path_length = (uint32_t)strlen(r->path);
    int64_t mtime_ns = nanoseconds(&r->st.st_mtim);
    uint8_t *p = put_u8(head, kind_of(r->st.st_mode));
    p = put_u32(p, r->st.st_mode & 07777);
    p = put_u32(p, r->st.st_uid);
    p = put_u32(p, r->st.st_gid);
    p = put_u64(p, (uint64_t)r->st.st_size);
    p = put_u64(p, (uint64_t)mtime_ns);
    memcpy(p, r->hash, sizeof r->hash);
    p = put_u32(p + sizeof r->hash, path_length);
    out_bytes(head, (size_t)(p - head));
    out_bytes(r->path, path_length);
    (void)put_u32(head, r->link_length);
    out_bytes(head, sizeof(uint32_t));
    out_bytes(r->link, r->link_length);
}
