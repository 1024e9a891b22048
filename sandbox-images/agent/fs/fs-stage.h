/* The data of a write until all of it has come: in memory, above a size in a file without a name. */
#ifndef RIPCORD_FS_STAGE_H
#define RIPCORD_FS_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "fs/fs.h"

/* PID 1, before the first command: prepares the place for files without a name. */
void stage_prepare(const char *workspace, uid_t uid, gid_t gid);
/* The descriptor that keepers and file operations keep open for it, or -1. */
int stage_directory(void);

/* Receives `size` bytes of stdin, or all of them (NO_LIMIT). A failure ends the operation with nothing changed. */
void stage_receive(uint64_t size, const char *workspace, const char *asked);
uint64_t stage_size(void);
/* The file system the data lies on; 0 while it is in memory. */
dev_t stage_device(void);
/* Writes the data to a file and frees it on the way. 0, or -1 with errno. */
int stage_copy_to(int fd);

#define HIDDEN_NAME_SIZE 48
/* A name for a file of the moment, unlike any other. */
void hidden_name(char *out, size_t size);

#endif
