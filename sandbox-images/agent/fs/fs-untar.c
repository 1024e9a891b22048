/* Implements `untar`: regular files, directories and links that stay inside. Anything else ends the operation. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/tar-reader.h"
#include "base/util.h"
#include "fs/fs-path.h"
#include "fs/fs.h"

#define CHUNK (128u * 1024)

static struct {
    int top;
    bool any_link; /* allows any link target, for seeds: links are the caller's own, and nothing is extracted through them */
    uint64_t budget;
    int parent; /* directory of the last entry, kept open for its siblings */
    char parent_path[PATH_MAX];
} state = {.parent = -1};

static long read_stdin(void *context, void *buffer, size_t length) {
    (void)context;
    ssize_t n = read_all(STDIN_FILENO, buffer, length);
    return n < 0 ? -errno : (long)n;
}

static const char *last_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* Opens the directory of an entry. No component may be a link, not even one from this archive. */
static int open_parent(const char *path, bool make) {
    char parent[PATH_MAX] = ".";
    size_t length = (size_t)(last_name(path) - path);
    if (length > 0) {
        memcpy(parent, path, length - 1);
        parent[length - 1] = '\0';
    }
    if (state.parent >= 0 && strcmp(parent, state.parent_path) == 0) return state.parent;
    int fd = make ? make_beneath(state.top, parent, 0755, true)
                  : open_beneath(state.top, parent, O_PATH | O_DIRECTORY, 0, true);
    if (fd < 0) fs_fail(errno, path, "open the directory");
    close_fd(&state.parent);
    state.parent = fd;
    memcpy(state.parent_path, parent, sizeof parent);
    return fd;
}

/* Removes an old file of that name: a new file replaces it, and is never written through a link. */
static void clear_name(int dir, const char *path) {
    if (unlinkat(dir, last_name(path), 0) != 0 && errno != ENOENT) fs_fail(errno, path, "replace");
}

static void copy_content(struct tar_reader *reader, int fd, const char *path) {
    static uint8_t chunk[CHUNK];
    long n;
    while ((n = tar_content(reader, chunk, sizeof chunk)) > 0) {
        if (write_all(fd, chunk, (size_t)n) != 0) fs_fail(errno, path, "write");
    }
    if (n < 0) fs_fail((int)-n, path, "read the archive");
}

static void extract_file(struct tar_reader *reader, const struct tar_entry *e, const char *path) {
    if (e->size > state.budget) fs_fail(EFBIG, path, "too many bytes");
    if (state.budget != NO_LIMIT) state.budget -= e->size;
    int dir = open_parent(path, true);
    clear_name(dir, path);
    int fd = openat(dir, last_name(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) fs_fail(errno, path, "create");
    copy_content(reader, fd, path);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = e->mtime}};
    if (fchmod(fd, e->mode & 0777) != 0) fs_fail(errno, path, "chmod");
    /* Ignore errors: the file system may not be able to store that time. */
    (void)futimens(fd, times);
    if (close(fd) != 0) fs_fail(errno, path, "close");
}

/* Creates a directory. The owner keeps access, because later entries are extracted into it. */
static void extract_directory(const struct tar_entry *e, const char *path) {
    int dir = open_parent(path, true);
    if (mkdirat(dir, last_name(path), 0700) != 0 && errno != EEXIST) fs_fail(errno, path, "mkdir");
    int fd = openat(dir, last_name(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) fs_fail(errno, path, "open the directory");
    if (fchmod(fd, (e->mode & 0777) | 0700) != 0) fs_fail(errno, path, "chmod");
    (void)close(fd);
}

static void extract_link(const struct tar_entry *e, const char *path) {
    if (!state.any_link && !tar_link_stays(path, e->link)) fs_fail(EXDEV, path, "the link leads out");
    int dir = open_parent(path, true);
    clear_name(dir, path);
    if (symlinkat(e->link, dir, last_name(path)) != 0) fs_fail(errno, path, "link");
}

static void extract_hard_link(const struct tar_entry *e, const char *path) {
    char source[PATH_MAX];
    struct stat st;
    int error = tar_clean_path(e->link, source);
    if (error != 0 || source[0] == '\0') fs_fail(error != 0 ? error : EINVAL, path, "the link leads out");
    int from = fcntl(open_parent(source, false), F_DUPFD_CLOEXEC, 3);
    if (from < 0) fs_fail(errno, path, "dup");
    if (fstatat(from, last_name(source), &st, AT_SYMLINK_NOFOLLOW) != 0) fs_fail(errno, path, "link");
    if (!S_ISREG(st.st_mode)) fs_fail(EINVAL, path, "a hard link to something else than a file");
    int dir = open_parent(path, true);
    if (strcmp(source, path) != 0) {
        clear_name(dir, path);
        if (linkat(from, last_name(source), dir, last_name(path), 0) != 0) fs_fail(errno, path, "link");
    }
    (void)close(from);
}

static void extract(struct tar_reader *reader, const struct tar_entry *e) {
    char path[PATH_MAX];
    int error = tar_clean_path(e->path, path);
    if (error != 0) fs_fail(error, e->path, "the path leads out");
    if (path[0] == '\0') {
        if (e->type != '5') fs_fail(EINVAL, e->path, "an entry without a name");
        return;
    }
    switch (e->type) {
        case '0':
            extract_file(reader, e, path);
            break;
        case '1':
            extract_hard_link(e, path);
            break;
        case '2':
            extract_link(e, path);
            break;
        case '5':
            extract_directory(e, path);
            break;
        default:
            fs_fail(EINVAL, path, "neither a file nor a directory nor a link");
    }
}

void fs_untar(const struct fs_arguments *a) {
    static struct tar_entry entry;
    struct tar_reader reader = {.read = read_stdin};
    struct place at;
    place_find(argument_text(a, 0), &at);
    state.budget = argument_number(a, 1, NO_LIMIT);
    uint64_t entries = argument_number(a, 2, NO_LIMIT);
    state.any_link = a->count > 3 && strcmp(argument_text(a, 3), "links") == 0;
    state.top = place_make(&at, 0755);
    if (state.top < 0) fs_fail(errno, at.asked, "open");
    int result;
    while ((result = tar_next(&reader, &entry)) > 0) {
        if (entries == 0) fs_fail(E2BIG, at.asked, "too many entries");
        if (entries != NO_LIMIT) entries--;
        extract(&reader, &entry);
    }
    if (result < 0) fs_fail(-result, at.asked, "read the archive");
}
