#define _GNU_SOURCE
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Maximum number of descriptors in one packet. */
#define DESCRIPTORS_MAX 4

uint64_t now_us(void) {
    struct timespec t;
    /* This call cannot fail for this clock. */
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

void *pages_alloc(size_t size) {
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}

void pages_free(void *at, size_t size) {
    if (at != NULL) (void)munmap(at, size);
}

size_t format_u64(char *out, uint64_t value) {
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < n; i++) out[i] = digits[n - 1 - i];
    out[n] = '\0';
    return n;
}

bool parse_u64(const char *text, size_t length, unsigned base, uint64_t max, uint64_t *out) {
    if (length == 0) return false;
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || (unsigned)(text[i] - '0') >= base) return false;
        unsigned digit = (unsigned)(text[i] - '0');
        if (value > (max - digit) / base) return false;
        value = value * base + digit;
    }
    *out = value;
    return true;
}

void text_append(char *out, size_t size, const char *text) {
    size_t used = strnlen(out, size);
    size_t length = strlen(text);
    if (used >= size) return;
    if (length > size - used - 1) length = size - used - 1;
    memcpy(out + used, text, length);
    out[used + length] = '\0';
}

void text_append_u64(char *out, size_t size, uint64_t value) {
    char digits[21];
    (void)format_u64(digits, value);
    text_append(out, size, digits);
}

int set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

void close_fd(int *fd) {
    if (*fd >= 0) (void)close(*fd);
    *fd = -1;
}

static void close_span(unsigned from, unsigned to) {
    if (from > to || syscall(SYS_close_range, from, to, 0) == 0) return;
    /* Fallback for kernels before 5.9, and for seccomp profiles that do not know the call. */
    struct rlimit limit;
    rlim_t end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? limit.rlim_cur : 65536;
    for (unsigned fd = from; fd <= to && fd < end; fd++) (void)close((int)fd);
}

void close_all_from(int first, int *keep, size_t count) {
    for (size_t i = 1; i < count; i++) {
        for (size_t j = i; j > 0 && keep[j] < keep[j - 1]; j--) {
            int swap = keep[j];
            keep[j] = keep[j - 1];
            keep[j - 1] = swap;
        }
    }
    unsigned from = (unsigned)first;
    for (size_t i = 0; i < count; i++) {
        if (keep[i] < 0 || (unsigned)keep[i] < from) continue;
        if ((unsigned)keep[i] > from) close_span(from, (unsigned)keep[i] - 1);
        from = (unsigned)keep[i] + 1;
    }
    close_span(from, ~0u);
}

int write_all(int fd, const void *data, size_t length) {
    const char *at = data;
    while (length > 0) {
        ssize_t n = write(fd, at, length);
        if (n < 0) {
            if (errno == EINTR) continue;
            return -1;
        }
        at += n;
        length -= (size_t)n;
    }
    return 0;
}

ssize_t read_all(int fd, void *data, size_t length) {
    size_t have = 0;
    while (have < length) {
        ssize_t n = read(fd, (char *)data + have, length - have);
        if (n == 0) break;
        if (n < 0) {
            if (errno == EINTR) continue;
            return -1;
        }
        have += (size_t)n;
    }
    return (ssize_t)have;
}

bool send_packet(int socket, struct iovec *parts, size_t part_count, const int *fds, size_t count) {
    size_t length = 0;
    for (size_t i = 0; i < part_count; i++) length += parts[i].iov_len;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } space = {0};
    struct msghdr message = {.msg_iov = parts,
                             .msg_iovlen = part_count,
                             .msg_control = &space,
                             .msg_controllen = CMSG_SPACE(count * sizeof *fds)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof *fds);
    memcpy(CMSG_DATA(header), fds, count * sizeof *fds);
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length;
}

bool send_descriptors(int socket, const int *fds, size_t count) {
    char byte = 1;
    struct iovec part = {&byte, 1};
    return send_packet(socket, &part, 1, fds, count);
}

ssize_t receive_packet(int socket, void *data, size_t size, int *fds, size_t count) {
    struct iovec part = {data, size};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    } space;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = CMSG_SPACE(count * sizeof *fds)};
    ssize_t n;
    do {
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    struct cmsghdr *header = n <= 0 ? NULL : CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_len != CMSG_LEN(count * sizeof *fds)) return -1;
    memcpy(fds, CMSG_DATA(header), count * sizeof *fds);
    return n;
}

_Noreturn void die(const char *what, int error) {
    char line[256] = "ripcord-agent: ";
    text_append(line, sizeof line, what);
    if (error != 0) {
        text_append(line, sizeof line, ": errno ");
        text_append_u64(line, sizeof line, (uint64_t)error);
    }
    text_append(line, sizeof line, "\n");
    (void)write_all(STDERR_FILENO, line, strlen(line));
    _exit(70);
}

bool is_read_only(const char *path) {
    struct statvfs fs;
    return statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0;
}
