/* Reads files of /proc, and numbers in them. */
#ifndef RIPCORD_PROC_H
#define RIPCORD_PROC_H

#include <stddef.h>
#include <stdint.h>

#define PROC_UNKNOWN UINT64_MAX

/* Reads a whole file of /proc and adds a NUL. Returns its length, or -1 with errno; EFBIG if it does not fit. */
long proc_read(const char *path, char *text, size_t size);
/* Parses the number at `at`, after spaces; PROC_UNKNOWN if a number does not follow. */
uint64_t number_at(const char *at);
/* Returns the number after `key` in the line of /proc/net/sockstat that begins with `prefix`; PROC_UNKNOWN if it is
 * missing. */
uint64_t sockstat_figure(const char *text, const char *prefix, const char *key);

#endif
