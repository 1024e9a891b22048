#define _GNU_SOURCE
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/util.h"

long proc_read(const char *path, char *text, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read_all(fd, text, size - 1);
    int error = errno;
    close_fd(&fd);
    errno = n == (ssize_t)size - 1 ? EFBIG : error;
    if (n < 0 || n == (ssize_t)size - 1) return -1;
    text[n] = '\0';
    return n;
}

uint64_t number_at(const char *at) {
    uint64_t value;
    at += strspn(at, " ");
    return parse_u64(at, strcspn(at, " \n"), 10, UINT64_MAX, &value) ? value : PROC_UNKNOWN;
}

uint64_t sockstat_figure(const char *text, const char *prefix, const char *key) {
    const char *line = strstr(text, prefix);
    const char *end = line == NULL ? NULL : strchr(line, '\n');
    const char *at = line == NULL ? NULL : strstr(line, key);
    return at == NULL || end == NULL || at > end ? PROC_UNKNOWN : number_at(at + strlen(key));
}
