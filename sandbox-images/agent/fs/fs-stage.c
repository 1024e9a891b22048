#define _GNU_SOURCE
#include "fs/fs-stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/random.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/user.h"
#include "base/util.h"

/* Maximum size that is staged in memory. It covers most files, and the write is then a single system call. */
#define MEMORY (1024u * 1024)
#define PREPARED_NAME ".ripcord-stage"

static uint8_t memory[MEMORY];
static uint64_t received;
static int file = -1;
static int directory = -1;

int stage_directory(void) {
    return directory;
}

uint64_t stage_size(void) {
    return received;
}

dev_t stage_device(void) {
    struct stat st;
    return file >= 0 && fstat(file, &st) == 0 ? st.st_dev : 0;
}

void hidden_name(char *out, size_t size) {
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number) number = now_us();
    out[0] = '\0';
    text_append(out, size, ".ripcord-");
    text_append_u64(out, size, number);
    text_append(out, size, ".tmp");
}

static bool is_own_tmpfs(const char *path) {
    struct statfs fs;
    if (statfs(path, &fs) != 0 || fs.f_type != TMPFS_MAGIC) return false;
    DIR *entries = opendir(path);
    if (entries == NULL) return false;
    size_t count = 0;
    while (readdir(entries) != NULL) count++;
    (void)closedir(entries);
    return count <= 2;
}

/* Creates a hidden directory for unnamed files. A watcher of a directory also gets events of files opened there with
 * O_TMPFILE (seen on Linux 6.18). A removed directory cannot be watched, and tmpfs still creates such files in it. */
void stage_prepare(const char *workspace, uid_t uid, gid_t gid) {
    /* Skip a directory with content, because it can be the host's own. */
    if (!is_own_tmpfs(workspace)) return;
    int root = open(workspace, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return;
    user_set_file_rights(uid, gid);
    if (mkdirat(root, PREPARED_NAME, 0700) == 0) {
        directory = openat(root, PREPARED_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (directory >= 0) (void)fchmod(directory, 01777);
        (void)unlinkat(root, PREPARED_NAME, AT_REMOVEDIR);
    }
    user_set_file_rights(0, 0);
    (void)close(root);
}

static int open_unnamed_in(int at, const char *path) {
    return openat(at, path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* Fallback for file systems without O_TMPFILE, such as gVisor's. */
static int open_and_unlink(const char *path) {
    char name[HIDDEN_NAME_SIZE];
    int at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (at < 0) return -1;
    hidden_name(name, sizeof name);
    int fd = openat(at, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = errno;
    if (fd >= 0) (void)unlinkat(at, name, 0);
    (void)close(at);
    errno = error;
    return fd;
}

static void open_file(const char *workspace, const char *asked) {
    const char *const places[] = {workspace, "/tmp"};
    if (directory >= 0) file = open_unnamed_in(directory, ".");
    for (size_t i = 0; i < 2 && file < 0; i++) {
        file = open_unnamed_in(AT_FDCWD, places[i]);
        if (file < 0) file = open_and_unlink(places[i]);
    }
    if (file < 0) fs_fail(errno, asked, "make room for the data");
}

static void keep(const uint8_t *data, size_t length, const char *asked) {
    if (write_all(file, data, length) != 0) fs_fail(errno, asked, "write");
}

void stage_receive(uint64_t size, const char *workspace, const char *asked) {
    size_t used = 0;
    while (received < size) {
        if (used == MEMORY) {
            if (file < 0) open_file(workspace, asked);
            keep(memory, used, asked);
            used = 0;
        }
        uint64_t left = size - received;
        ssize_t n = read(STDIN_FILENO, memory + used, left < MEMORY - used ? (size_t)left : MEMORY - used);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fs_fail(errno, asked, "read from stdin");
        if (n == 0 && size == NO_LIMIT) break;
        if (n == 0) fs_fail(ECANCELED, asked, "the data ended early");
        used += (size_t)n;
        received += (uint64_t)n;
    }
    if (file >= 0) keep(memory, used, asked);
}

static int copy_file(int fd) {
    for (uint64_t done = 0; done < received;) {
        ssize_t n = pread(file, memory, MEMORY, (off_t)done);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) errno = EIO;
        if (n <= 0 || write_all(fd, memory, (size_t)n) != 0) return -1;
        /* Free the copied part: both copies at once would count twice, because pages of a tmpfs are memory. */
        (void)fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)done, n);
        done += (uint64_t)n;
    }
    return 0;
}

int stage_copy_to(int fd) {
    return file < 0 ? write_all(fd, memory, (size_t)received) : copy_file(fd);
}
