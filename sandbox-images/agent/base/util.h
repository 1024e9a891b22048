/* The few helpers everything needs; no stdio, which would double the binary. */
#ifndef RIPCORD_UTIL_H
#define RIPCORD_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

uint64_t now_us(void);

/* Whole pages outside the heap, so that what is freed really goes back. NULL when there are none. */
void *pages_alloc(size_t size);
void pages_free(void *at, size_t size);

/* Decimal digits and a NUL; `out` holds at least 21 bytes. Returns the length. */
size_t format_u64(char *out, uint64_t value);
/* The whole of `text` as a number in `base`, at most `max`; false otherwise. */
bool parse_u64(const char *text, size_t length, unsigned base, uint64_t max, uint64_t *out);

/* Appends as much of `text` as fits; always terminated. */
void text_append(char *out, size_t size, const char *text);
void text_append_u64(char *out, size_t size, uint64_t value);

int set_nonblocking(int fd);
void close_fd(int *fd);
/* Closes every descriptor from `first` up that is not in `keep` (sorted in place). */
void close_all_from(int first, int *keep, size_t count);

/* Blocking, retries EINTR and short counts. 0, or -1 with errno. */
int write_all(int fd, const void *data, size_t length);
/* Up to `length` bytes; fewer only at the end of the file. -1 with errno. */
ssize_t read_all(int fd, void *data, size_t length);

/* One packet with descriptors (1 to 4), without waiting. False when it was not sent. */
bool send_packet(int socket, struct iovec *parts, size_t part_count, const int *fds, size_t count);
/* The same with nothing else to say. */
bool send_descriptors(int socket, const int *fds, size_t count);
/* Waits for a packet with that many. Its length, or -1 when the other side has gone or sends another. */
ssize_t receive_packet(int socket, void *data, size_t size, int *fds, size_t count);

/* Fatal: one line on stderr, then the process ends. */
_Noreturn void die(const char *what, int error);

/* Whether it lies where nobody in the sandbox can write. */
bool is_read_only(const char *path);

#endif
