#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include "base/proc.h"
#include "base/util.h"
#include "reset/reset.h"

#define TEXT_SIZE 65536
/* Maximum number of passes of 64 KiB of rows each. It exceeds the possible number of objects. */
#define PASSES_MAX 1000

static int remove_shm(int id) {
    return shmctl(id, IPC_RMID, NULL);
}

static int remove_sem(int id) {
    return semctl(id, 0, IPC_RMID);
}

static int remove_msg(int id) {
    return msgctl(id, IPC_RMID, NULL);
}

static const struct {
    const char *path;
    size_t uid_column;
    int (*remove)(int id);
} kinds[] = {
    {"/proc/sysvipc/shm", 7, remove_shm},
    {"/proc/sysvipc/sem", 4, remove_sem},
    {"/proc/sysvipc/msg", 7, remove_msg},
};

#define KINDS (sizeof kinds / sizeof *kinds)

/* Parses the number in a column of a row, which ends with its line. */
static bool column(const char *row, size_t index, uint64_t *out) {
    row += strspn(row, " ");
    while (index-- > 0) {
        row += strcspn(row, " \n");
        row += strspn(row, " ");
    }
    return parse_u64(row, strcspn(row, " \n"), 10, UINT32_MAX, out);
}

/* Removes an object as its creator or its owner, because only these may remove it. */
static bool remove_row(const char *row, size_t kind) {
    uint64_t id, uid;
    if (!column(row, 1, &id) || !column(row, kinds[kind].uid_column, &uid)) return false;
    if (setresuid((uid_t)-1, (uid_t)uid, (uid_t)-1) != 0) return false;
    bool removed = kinds[kind].remove((int)id) == 0;
    return setresuid((uid_t)-1, 0, (uid_t)-1) == 0 && removed;
}

/* Reads a file and truncates the text to whole lines. */
static long read_rows(const char *path, char *text) {
    long n = proc_read(path, text, TEXT_SIZE);
    if (n >= 0 || errno != EFBIG) return n;
    text[TEXT_SIZE - 1] = '\0';
    char *last = strrchr(text, '\n');
    if (last == NULL) return -1;
    last[1] = '\0';
    return last + 1 - text;
}

static bool remove_kind(size_t kind) {
    static char text[TEXT_SIZE];
    for (int pass = 0; pass < PASSES_MAX; pass++) {
        if (read_rows(kinds[kind].path, text) < 0) return false;
        const char *row = strchr(text, '\n');
        if (row == NULL || row[1] == '\0') return row != NULL;
        for (row++; *row != '\0'; row += strcspn(row, "\n") + 1) {
            if (!remove_row(row, kind)) return false;
        }
    }
    return false;
}

bool ipc_remove(void) {
    bool done = true;
    for (size_t i = 0; i < KINDS; i++) done = remove_kind(i) && done;
    return done;
}

/* Checks that each file has a heading and no rows. */
bool ipc_prove(struct reset_result *out) {
    char text[1024];
    for (size_t i = 0; i < KINDS; i++) {
        long n = proc_read(kinds[i].path, text, sizeof text);
        if (n <= 0 && errno != EFBIG) return reset_fail(out, errno, "no view of ", kinds[i].path);
        if (n <= 0 || strchr(text, '\n') != text + n - 1) return reset_fail(out, EEXIST, "objects in ", kinds[i].path);
    }
    return true;
}
