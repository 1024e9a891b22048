#define _GNU_SOURCE
#include "session/call-filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/protocol.h"

/* A call that is refused with `action` by kernels before this version. */
struct needed_kernel {
    uint32_t number;
    unsigned major;
    unsigned minor;
    uint32_t action;
};

#include "build/call-filter.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))
/* Size of the filter: loading the number, two instructions for each refusal, and the profile. */
#define FILTER_MAX (1 + 2 * (LENGTH(needed_kernels) + 1) + LENGTH(call_filter))

static bool installed;

static struct sock_filter *add_refusal(struct sock_filter *at, uint32_t number, uint32_t action) {
    *at++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
    *at++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
    return at;
}

static bool is_older(const char *release, const struct needed_kernel *than) {
    char *rest;
    unsigned long major = strtoul(release, &rest, 10);
    unsigned long minor = *rest == '.' ? strtoul(rest + 1, NULL, 10) : 0;
    return major < than->major || (major == than->major && minor < than->minor);
}

/* Composes the filter. Refusals come first, for every architecture, because the profile kills calls of all
 * architectures but its own. */
static unsigned short compose(struct sock_filter *code, bool keeps_slices) {
    struct utsname name;
    struct sock_filter *at = code;
    *at++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    if (keeps_slices) at = add_refusal(at, SYS_sched_setattr, SECCOMP_RET_ERRNO | EPERM);
    for (size_t i = 0; i < LENGTH(needed_kernels) && uname(&name) == 0; i++) {
        const struct needed_kernel *n = &needed_kernels[i];
        if (is_older(name.release, n)) at = add_refusal(at, n->number, n->action);
    }
    memcpy(at, call_filter, sizeof call_filter);
    return (unsigned short)(at - code + (ptrdiff_t)LENGTH(call_filter));
}

/* Installs the filter. It leaves the speculation setting unchanged: without the flag, kernels before 5.16 would slow
 * down every process under another filter. Kernels before 4.17 do not have the flag. */
static bool install(struct sock_fprog *program) {
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, program) == 0) return true;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) == 0;
}

void call_filter_install(bool keeps_slices) {
    struct sock_filter code[FILTER_MAX];
    struct sock_fprog program = {compose(code, keeps_slices), code};
    /* Without CAP_SYS_ADMIN the kernel accepts a filter only with no-new-privs. */
    installed = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && install(&program);
}

uint16_t call_filter_capabilities(void) {
    return installed ? HAS_OWN_FILTER : 0;
}
