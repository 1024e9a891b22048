/* Shared helpers. They do not use stdio, which would double the size of the binary. */
#ifndef RIPCORD_UTIL_H
#define RIPCORD_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

uint64_t now_us(void);

/* Allocates whole pages outside the heap, so that freeing them returns the memory. Returns NULL if none are available. */
void *pages_alloc(size_t size);
void pages_free(void *at, size_t size);

/* Writes decimal digits and a NUL; `out` has at least 21 bytes. Returns the length. */
size_t format_u64(char *out, uint64_t value);
/* Parses the whole of `text` as a number in `base`, at most `max`. Returns false otherwise. */
bool parse_u64(const char *text, size_t length, unsigned base, uint64_t max, uint64_t *out);

/* Appends as much of `text` as fits. The result always ends with a NUL. */
void text_append(char *out, size_t size, const char *text);
void text_append_u64(char *out, size_t size, uint64_t value);

int set_nonblocking(int fd);
void close_fd(int *fd);
/* Closes every descriptor from `first` up that is not in `keep` (sorted in place). */
void close_all_from(int first, int *keep, size_t count);

/* Writes all bytes; blocks, retries after EINTR and short counts. Returns 0, or -1 with errno. */
int write_all(int fd, const void *data, size_t length);
/* Reads up to `length` bytes; fewer only at the end of the file. Returns -1 with errno on failure. */
ssize_t read_all(int fd, void *data, size_t length);

/* Sends one packet with 1 to 4 descriptors, without waiting. Returns false if it was not sent. */
bool send_packet(int socket, struct iovec *parts, size_t part_count, const int *fds, size_t count);
/* Sends descriptors in a packet without other content. */
bool send_descriptors(int socket, const int *fds, size_t count);
/* Waits for a packet with exactly `count` descriptors. Returns its length, or -1 if the peer has gone or sent a
 * different packet. */
ssize_t receive_packet(int socket, void *data, size_t size, int *fds, size_t count);

/* Writes one line to stderr and ends the process. */
_Noreturn void die(const char *what, int error);

/* Returns true if no process in the sandbox can write to the path. */
bool is_read_only(const char *path);

#endif
