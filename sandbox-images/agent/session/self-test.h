/* Tests what this kernel lets the sandbox user, and root without a capability, do to PID 1. */
#ifndef RIPCORD_SELF_TEST_H
#define RIPCORD_SELF_TEST_H

#include <stdint.h>

struct self_test {
    uint16_t capabilities; /* capabilities except those of cgroups */
    const char *breach;    /* access that the sandbox user had, or NULL */
};

/* Runs the test. `host_in` and `host_out` are the descriptors to protect. Returns 0, or the errno of a failure. */
int self_test_run(const char *default_user, int host_in, int host_out, struct self_test *out);

#endif
