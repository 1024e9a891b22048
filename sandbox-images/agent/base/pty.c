#define _GNU_SOURCE
#include "base/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/util.h"

/* The slave belongs to the user that opens the master. PID 1 does not have the capability to change the owner later. */
static int open_master_as(const struct identity *who) {
    (void)setfsgid(who->gid);
    (void)setfsuid(who->uid);
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    int error = errno;
    (void)setfsuid(0);
    (void)setfsgid(0);
    /* Changing the file system uid makes a process dumpable according to fs.suid_dumpable. */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    errno = error;
    return master;
}

static int open_slave(int master) {
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    unsigned number;
    if (slave >= 0 || ioctl(master, TIOCGPTN, &number) != 0) return slave;
    char path[32] = "/dev/pts/";
    text_append_u64(path, sizeof path, number);
    return open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

int pty_open(const struct identity *who, uint16_t cols, uint16_t rows, int *master, int *slave) {
    int unlock = 0;
    int error;
    *master = open_master_as(who);
    if (*master < 0) return errno;
    if (ioctl(*master, TIOCSPTLCK, &unlock) == 0 && (*slave = open_slave(*master)) >= 0) {
        pty_resize(*master, cols, rows);
        return 0;
    }
    error = errno;
    close_fd(master);
    return error;
}

void pty_resize(int master, uint16_t cols, uint16_t rows) {
    struct winsize size = {.ws_col = cols, .ws_row = rows};
    (void)ioctl(master, TIOCSWINSZ, &size);
}

int pty_end_character(int master) {
    struct termios t;
    if (tcgetattr(master, &t) != 0 || (t.c_lflag & ICANON) == 0) return -1;
    return t.c_cc[VEOF];
}
