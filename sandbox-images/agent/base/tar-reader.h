/* Reads ustar and pax archives from anywhere; every length in them is doubted. */
#ifndef RIPCORD_TAR_READER_H
#define RIPCORD_TAR_READER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tar_entry {
    char type; /* '0' file, '1' hard link, '2' link, '5' directory; others as they are */
    uint32_t mode;
    uint64_t size;
    int64_t mtime;
    char path[PATH_MAX];
    char link[PATH_MAX];
};

struct tar_reader {
    /* Fills the buffer; fewer bytes only at the end of the archive, negative for an error of its own. */
    long (*read)(void *context, void *buffer, size_t length);
    void *context;
    uint64_t left;   /* of the current entry's content */
    uint32_t padding; /* behind it */
    uint32_t extensions; /* headers in a row that are no entries */
    bool has_path, has_link, has_size, has_mtime;
    uint64_t pax_size;
    int64_t pax_mtime;
};

/* 1 with an entry, 0 at the end, or a negative errno: ECANCELED for a cut archive, EINVAL for a broken one. */
int tar_next(struct tar_reader *r, struct tar_entry *out);
/* The next bytes of the content; 0 at its end, or a negative errno. */
long tar_content(struct tar_reader *r, void *buffer, size_t length);

/*
 * The path an archive may write to: relative, without `.` and empty parts; "" is the top. Returns 0, EXDEV when it
 * leads out, ENAMETOOLONG.
 */
int tar_clean_path(const char *path, char out[PATH_MAX]);
/* Whether a link at `path` (clean) with this target stays below the top, by its letters. */
bool tar_link_stays(const char *path, const char *target);

#endif
