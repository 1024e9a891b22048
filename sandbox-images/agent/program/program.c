#define _GNU_SOURCE
#include "program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/protocol.h"
#include "base/util.h"

/* Maximum number of directories. At most STREAMS_MAX commands run at a time; only a command that ran as root can have
 * taken further numbers. */
#define NUMBERS_MAX (2 * STREAMS_MAX)
/* Mode of the closed directory. It also binds root without capabilities: writing there fails for every user. */
#define DIRECTORY_CLOSED 0555
#define DIRECTORY_OPEN 0755

static int make_directory(struct program *p) {
    for (uint32_t number = 0; number < NUMBERS_MAX; number++) {
        p->directory[0] = '\0';
        text_append(p->directory, sizeof p->directory, PROGRAMS_DIR "/");
        text_append_u64(p->directory, sizeof p->directory, number);
        if (mkdir(p->directory, DIRECTORY_OPEN) == 0) return 0;
        if (errno != EEXIST) return errno;
    }
    return EEXIST;
}

static int write_file(const char *path, struct slice text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);
    /* Set the mode again, because the umask may have changed it. */
    int error = fd < 0 || write_all(fd, text.at, text.length) != 0 || fchmod(fd, 0444) != 0 ? errno : 0;
    close_fd(&fd);
    return error;
}

int program_write(struct program *p, const char *name, struct slice text) {
    int error = make_directory(p);
    if (error != 0) return error;
    p->path[0] = '\0';
    text_append(p->path, sizeof p->path, p->directory);
    text_append(p->path, sizeof p->path, "/");
    text_append(p->path, sizeof p->path, name);
    error = write_file(p->path, text);
    if (error == 0 && chmod(p->directory, DIRECTORY_CLOSED) != 0) error = errno;
    if (error != 0) program_remove(p);
    return error;
}

void program_remove(struct program *p) {
    if (p->path[0] == '\0') return;
    (void)chmod(p->directory, DIRECTORY_OPEN);
    (void)unlink(p->path);
    (void)rmdir(p->directory);
    p->path[0] = '\0';
}
