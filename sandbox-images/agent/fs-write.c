/* write: the data goes to a hidden file beside the target and takes its name when it is complete. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "fs-path.h"
#include "fs.h"
#include "util.h"

enum write_flag { WRITE_PARENTS = 1, WRITE_APPEND = 2, WRITE_NEW = 4 };

#define CHUNK (128u * 1024)
#define MODE_DEFAULT 0644

static uint8_t chunk[CHUNK];

/* The hidden file, for the signal handler too. */
static struct {
    volatile sig_atomic_t exists;
    int dir;
    char name[48];
} temporary;

static void drop_temporary(void) {
    if (temporary.exists) (void)unlinkat(temporary.dir, temporary.name, 0);
    temporary.exists = 0;
}

_Noreturn static void fail(int error, const char *path, const char *message) {
    drop_temporary();
    fs_fail(error, path, message);
}

/* An operation that is told to stop leaves nothing behind. */
static void on_terminate(int number) {
    drop_temporary();
    _exit(128 + number);
}

static void random_name(char *out, size_t size) {
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number) number = now_us();
    out[0] = '\0';
    text_append(out, size, ".ripcord-");
    text_append_u64(out, size, number);
    text_append(out, size, ".tmp");
}

static int open_temporary(int dir, const char *path) {
    struct sigaction action = {.sa_handler = on_terminate};
    sigset_t terminate;
    temporary.dir = dir;
    random_name(temporary.name, sizeof temporary.name);
    (void)sigemptyset(&terminate);
    (void)sigaddset(&terminate, SIGTERM);
    (void)sigaction(SIGTERM, &action, NULL);
    /* Between the file's birth and the note of it no signal may come. */
    (void)sigprocmask(SIG_BLOCK, &terminate, NULL);
    int fd = openat(dir, temporary.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = errno;
    temporary.exists = fd >= 0;
    (void)sigprocmask(SIG_UNBLOCK, &terminate, NULL);
    if (fd < 0) fail(error, path, "create");
    return fd;
}

static void receive(int fd, uint64_t size, const char *path) {
    uint64_t left = size;
    while (left > 0) {
        ssize_t n = read(STDIN_FILENO, chunk, left < CHUNK ? (size_t)left : CHUNK);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(errno, path, "read from stdin");
        if (n == 0 && size == NO_LIMIT) return;
        if (n == 0) fail(ECANCELED, path, "the data ended early");
        if (write_all(fd, chunk, (size_t)n) != 0) fail(errno, path, "write");
        left -= size == NO_LIMIT ? 0 : (uint64_t)n;
    }
}

static int move_to(int dir, const char *name, bool fresh) {
    if (!fresh) return renameat(dir, temporary.name, dir, name);
    if (renameat2(dir, temporary.name, dir, name, RENAME_NOREPLACE) == 0) return 0;
    if (errno != ENOSYS && errno != EINVAL) return -1;
    if (linkat(dir, temporary.name, dir, name, 0) != 0) return -1;
    return unlinkat(dir, temporary.name, 0);
}

static mode_t mode_of(int dir, const char *name) {
    struct stat st;
    bool there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
    return there ? st.st_mode & 0777 : MODE_DEFAULT;
}

static void replace(const struct fs_arguments *a, const struct place *at, int dir, const char *name, uint64_t flags) {
    mode_t mode = argument_mode(a, 1, (mode_t)-1);
    if (mode == (mode_t)-1) mode = mode_of(dir, name);
    int fd = open_temporary(dir, at->asked);
    receive(fd, argument_number(a, 2, NO_LIMIT), at->asked);
    if (fchmod(fd, mode) != 0) fail(errno, at->asked, "chmod");
    if (close(fd) != 0) fail(errno, at->asked, "close");
    if (move_to(dir, name, (flags & WRITE_NEW) != 0) != 0) fail(errno, at->asked, "rename");
    temporary.exists = 0;
}

static void copy_onto(int from, int to, const char *path) {
    struct stat st;
    if (fstat(to, &st) != 0) fail(errno, path, "stat");
    if (!S_ISREG(st.st_mode)) fail(S_ISDIR(st.st_mode) ? EISDIR : EINVAL, path, "append");
    if (lseek(from, 0, SEEK_SET) != 0) fail(errno, path, "seek");
    ssize_t n;
    while ((n = read_all(from, chunk, CHUNK)) > 0) {
        if (write_all(to, chunk, (size_t)n) == 0) continue;
        int error = errno;
        fail(error, path, ftruncate(to, st.st_size) == 0 ? "append" : "append, and could not undo it");
    }
    if (n < 0) fail(errno, path, "read");
}

/* Only when everything has come does the target change. */
static void append(const struct fs_arguments *a, const struct place *at, int dir, uint64_t flags) {
    int fd = open_temporary(dir, at->asked);
    receive(fd, argument_number(a, 2, NO_LIMIT), at->asked);
    int how = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | ((flags & WRITE_NEW) != 0 ? O_EXCL : 0);
    int target = place_open(at, how, argument_mode(a, 1, MODE_DEFAULT));
    if (target < 0) fail(errno == ENXIO ? EINVAL : errno, at->asked, "open");
    copy_onto(fd, target, at->asked);
    if (close(target) != 0) fail(errno, at->asked, "close");
    drop_temporary();
}

void fs_write(const struct fs_arguments *a) {
    struct place at;
    const char *name;
    place_find(argument_text(a, 0), &at);
    uint64_t flags = argument_number(a, 3, 0);
    int dir = (flags & WRITE_PARENTS) != 0 ? place_make_parent(&at, &name) : place_open_parent(&at, &name);
    if (dir < 0) fs_fail(errno == EBUSY ? EISDIR : errno, at.asked, "open the directory");
    if ((flags & WRITE_APPEND) != 0) {
        append(a, &at, dir, flags);
    } else {
        replace(a, &at, dir, name, flags);
    }
}
