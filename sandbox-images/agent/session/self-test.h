/* Finds out, by trying, what this kernel lets the sandbox user, and root without a capability, do to PID 1. */
#ifndef RIPCORD_SELF_TEST_H
#define RIPCORD_SELF_TEST_H

#include <stdint.h>

struct self_test {
    uint16_t capabilities; /* without the cgroup ones */
    const char *breach;    /* what was open to the sandbox user, or NULL */
};

/* `host_in` and `host_out` are the descriptors to protect. 0, or the errno of what kept the test from running. */
int self_test_run(const char *default_user, int host_in, int host_out, struct self_test *out);

#endif
