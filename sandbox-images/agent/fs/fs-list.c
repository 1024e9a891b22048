/* Implements `list` and `manifest`. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/sha256.h"
#include "fs/fs-record.h"
#include "fs/fs-walk.h"
#include "fs/fs.h"

#define CHUNK (128u * 1024)

static struct record record;

static void fill(int dir, const char *name, const char *path, const struct stat *st) {
    record.st = *st;
    record.path = path;
    memset(record.hash, 0, sizeof record.hash);
    record_read_link(&record, dir, name);
}

static void visit_list(const struct walk *walk, int dir, const char *name, const char *path, const struct stat *st) {
    (void)walk;
    fill(dir, name, path, st);
    record_write(&record);
}

/* Hashes a file. Reads at most `budget` bytes over the whole operation, even if the file grows meanwhile. */
static void hash_file(int fd, const char *path, uint64_t *budget, uint8_t out[32]) {
    static uint8_t chunk[CHUNK];
    struct sha256 hash;
    ssize_t n;
    sha256_init(&hash);
    while ((n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fs_fail(errno, path, "read");
        if ((uint64_t)n > *budget) fs_fail(EFBIG, path, "too many bytes");
        if (*budget != NO_LIMIT) *budget -= (uint64_t)n;
        sha256_add(&hash, chunk, (size_t)n);
    }
    sha256_end(&hash, out);
}

static void visit_manifest(const struct walk *walk, int dir, const char *name, const char *path,
                           const struct stat *st) {
    uint64_t *budget = walk->context;
    fill(dir, name, path, st);
    if (S_ISREG(st->st_mode)) {
        /* Refuse a huge sparse file by its size, without reading it. */
        if ((uint64_t)st->st_size > *budget) fs_fail(EFBIG, path, "too many bytes");
        int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 && (errno == ENOENT || errno == ELOOP)) return;
        if (fd < 0 || fstat(fd, &record.st) != 0) fs_fail(errno, path, "open");
        if (S_ISREG(record.st.st_mode)) hash_file(fd, path, budget, record.hash);
        (void)close(fd);
    }
    record_write(&record);
}

void fs_list(const struct fs_arguments *a) {
    int top = walk_open_top(argument_text(a, 0));
    struct walk walk = {.asked = a->list[0],
                        .depth = argument_number(a, 1, 1),
                        .max_entries = argument_number(a, 2, NO_LIMIT),
                        .tolerant = true,
                        .visit = visit_list};
    walk_tree(&walk, top);
}

void fs_manifest(const struct fs_arguments *a) {
    int top = walk_open_top(argument_text(a, 0));
    uint64_t budget = argument_number(a, 1, NO_LIMIT);
    struct walk walk = {.asked = a->list[0],
                        .depth = NO_LIMIT,
                        .max_entries = argument_number(a, 2, NO_LIMIT),
                        .context = &budget,
                        .visit = visit_manifest};
    walk_tree(&walk, top);
}
