/* Files of /proc, and the numbers in them. */
#ifndef RIPCORD_PROC_H
#define RIPCORD_PROC_H

#include <stddef.h>
#include <stdint.h>

#define PROC_UNKNOWN UINT64_MAX

/* A whole file of /proc, terminated. Its length, or -1 with errno; EFBIG when it does not fit. */
long proc_read(const char *path, char *text, size_t size);
/* The number that begins at `at`, spaces left out; PROC_UNKNOWN when none does. */
uint64_t number_at(const char *at);
/* The number behind `key` in that line of /proc/net/sockstat that begins with `prefix`; PROC_UNKNOWN where there is none. */
uint64_t sockstat_figure(const char *text, const char *prefix, const char *key);

#endif
