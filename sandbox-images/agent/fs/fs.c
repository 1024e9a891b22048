#define _GNU_SOURCE
#include "fs/fs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "fs/fs-path.h"

static const struct {
    const char *name;
    void (*run)(const struct fs_arguments *a);
} operations[] = {
    {"read", fs_read},     {"write", fs_write},   {"list", fs_list},   {"stat", fs_stat}, {"mkdir", fs_mkdir},
    {"remove", fs_remove}, {"rename", fs_rename}, {"untar", fs_untar}, {"tar", fs_tar},   {"manifest", fs_manifest},
    {"connect", net_connect}, {"attempts", attempts_make},
};

_Noreturn void fs_main(int argc, char **argv, const char *workspace) {
    struct fs_arguments a = {argv[0], workspace, argv + 1, argc - 1};
    paths_init(workspace);
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (strcmp(argv[0], operations[i].name) != 0) continue;
        operations[i].run(&a);
        out_flush();
        _exit(0);
    }
    fs_fail(ENOSYS, argv[0], "no such file operation");
}
