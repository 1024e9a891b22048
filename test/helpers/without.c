/* Runs a program on a kernel that seems to lack something: `without openat2|subreaper|keyrings|filters program…`. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define FAIL(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Linux before 5.6, and seccomp profiles of that time. */
static struct sock_filter openat2[] = {LOAD(nr), UNLESS(SYS_openat2, 1), FAIL(ENOSYS), ALLOW};
/* gVisor of 2022. The option is the low half of the argument. */
static struct sock_filter subreaper[] = {
    LOAD(nr), UNLESS(SYS_prctl, 3), LOAD(args[0]), UNLESS(PR_SET_CHILD_SUBREAPER, 1), FAIL(EINVAL), ALLOW,
};

/* Every seccomp profile of an engine. */
static struct sock_filter keyrings[] = {
    LOAD(nr), UNLESS(SYS_keyctl, 1), FAIL(EPERM), UNLESS(SYS_add_key, 1), FAIL(EPERM),
    UNLESS(SYS_request_key, 1), FAIL(EPERM), ALLOW,
};

/* A kernel without CONFIG_SECCOMP_FILTER, after this filter. The option is the low half of the argument. */
static struct sock_filter filters[] = {
    LOAD(nr), UNLESS(SYS_seccomp, 1), FAIL(ENOSYS), UNLESS(SYS_prctl, 3), LOAD(args[0]), UNLESS(PR_SET_SECCOMP, 1),
    FAIL(EINVAL), ALLOW,
};

int main(int argc, char **argv) {
    if (argc < 3) return 1;
    struct sock_fprog program = {sizeof openat2 / sizeof *openat2, openat2};
    if (strcmp(argv[1], "subreaper") == 0) {
        program = (struct sock_fprog){sizeof subreaper / sizeof *subreaper, subreaper};
    }
    if (strcmp(argv[1], "keyrings") == 0) program = (struct sock_fprog){sizeof keyrings / sizeof *keyrings, keyrings};
    if (strcmp(argv[1], "filters") == 0) program = (struct sock_fprog){sizeof filters / sizeof *filters, filters};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return 1;
    execv(argv[2], argv + 2);
    return 1;
}
