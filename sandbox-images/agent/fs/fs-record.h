/* Record format of list, stat and manifest. */
#ifndef RIPCORD_FS_RECORD_H
#define RIPCORD_FS_RECORD_H

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

struct record {
    struct stat st;
    const char *path;
    uint8_t hash[32];
    char link[PATH_MAX];
    uint32_t link_length;
};

/* Adds the target of a link; adds nothing for other files. `name` may be "" for the descriptor itself. */
void record_read_link(struct record *r, int dir, const char *name);
void record_write(const struct record *r);

#endif
