/* Reads ustar and pax archives from any source. No length in them is trusted. */
#ifndef RIPCORD_TAR_READER_H
#define RIPCORD_TAR_READER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tar_entry {
    char type; /* '0' file, '1' hard link, '2' link, '5' directory; others are passed on unchanged */
    uint32_t mode;
    uint64_t size;
    int64_t mtime;
    char path[PATH_MAX];
    char link[PATH_MAX];
};

struct tar_reader {
    /* Fills the buffer. Returns fewer bytes only at the end of the archive, a negative errno on failure. */
    long (*read)(void *context, void *buffer, size_t length);
    void *context;
    uint64_t left;   /* unread bytes of the current entry's content */
    uint32_t padding; /* bytes after the content */
    uint32_t extensions; /* consecutive headers that are not entries */
    bool has_path, has_link, has_size, has_mtime;
    uint64_t pax_size;
    int64_t pax_mtime;
};

/* Returns 1 with an entry, 0 at the end, or a negative errno: ECANCELED for a truncated archive, EINVAL for an invalid
 * one. */
int tar_next(struct tar_reader *r, struct tar_entry *out);
/* Reads the next bytes of the content. Returns 0 at its end, or a negative errno. */
long tar_content(struct tar_reader *r, void *buffer, size_t length);

/*
 * Computes the path that an archive may write to: relative, without `.` and empty parts; "" is the top. Returns 0,
 * EXDEV if the path leads out, ENAMETOOLONG.
 */
int tar_clean_path(const char *path, char out[PATH_MAX]);
/* Returns true if the target of a link at `path` (clean) is below the top, judged by its text alone. */
bool tar_link_stays(const char *path, const char *target);

#endif
