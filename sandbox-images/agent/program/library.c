#define _GNU_SOURCE
#include "program/library.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/util.h"

#define VOLUME_DIR "/.ripcord"
#define PATH_SIZE 64
#define BLOCK_SIZE 16384

static const char *const directories[] = {"/python", "/node"};
static const char *const files[] = {"/python/sitecustomize.py", "/node/program.cjs", "/node/typescript.cjs"};

#define DIRECTORIES (sizeof directories / sizeof *directories)
#define FILES (sizeof files / sizeof *files)

static bool placed;

static void join(char path[PATH_SIZE], const char *directory, const char *name) {
    path[0] = '\0';
    text_append(path, PATH_SIZE, directory);
    text_append(path, PATH_SIZE, name);
}

/* Opens a directory while files are placed, and closes it afterwards, also to root. */
static int set_mode(const char *name, mode_t mode) {
    char path[PATH_SIZE];
    join(path, LIBRARY_DIR, name);
    (void)mkdir(path, mode);
    return chmod(path, mode) == 0 ? 0 : errno;
}

static int set_modes(mode_t mode) {
    int error = set_mode("", mode);
    for (size_t i = 0; error == 0 && i < DIRECTORIES; i++) error = set_mode(directories[i], mode);
    return error;
}

static int copy_blocks(int from, int to) {
    static char block[BLOCK_SIZE];
    ssize_t n;
    while ((n = read_all(from, block, sizeof block)) > 0) {
        if (write_all(to, block, (size_t)n) != 0) return errno;
    }
    return n < 0 ? errno : 0;
}

static int copy_file(const char *name) {
    char source[PATH_SIZE], target[PATH_SIZE];
    join(source, VOLUME_DIR, name);
    join(target, LIBRARY_DIR, name);
    /* Remove the file of an earlier failed attempt. */
    (void)unlink(target);
    int from = open(source, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int to = from < 0 ? -1 : open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    int error = to < 0 ? errno : copy_blocks(from, to);
    /* Set the mode again, because the umask may have changed it. */
    if (error == 0 && fchmod(to, 0444) != 0) error = errno;
    close_fd(&from);
    close_fd(&to);
    return error;
}

static int copy_all(void) {
    int error = set_modes(0755);
    for (size_t i = 0; error == 0 && i < FILES; i++) error = copy_file(files[i]);
    return error == 0 ? set_modes(0555) : error;
}

static bool names_library(char *const *texts, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (strstr(texts[i], LIBRARY_DIR "/") != NULL) return true;
    }
    return false;
}

int library_place(const struct spawn_request *r) {
    if (placed || !(names_library(r->argv, r->argc) || names_library(r->env, r->envc))) return 0;
    int error = copy_all();
    placed = error == 0;
    return error;
}

void library_forget(void) {
    placed = false;
}
