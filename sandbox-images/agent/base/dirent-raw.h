/* Record format of getdents64. glibc's readdir is not used, because it allocates. */
#ifndef RIPCORD_DIRENT_RAW_H
#define RIPCORD_DIRENT_RAW_H

#include <stdint.h>

#define DIRENT_DIRECTORY 4

struct dirent_raw {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
};

#endif
