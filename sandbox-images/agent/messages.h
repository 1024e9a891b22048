/* The payloads of the control frames. */
#ifndef RIPCORD_MESSAGES_H
#define RIPCORD_MESSAGES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "frame.h"

#define USER_MAX 256

/* Flag of HELLO: the workspace is the sandbox's own, and every user may write to it. */
#define HELLO_SHARE_WORKSPACE 1
/* RESET will be asked for: what there is at the start is remembered. */
#define HELLO_RESETTABLE 2

struct hello {
    uint16_t version;
    uint16_t flags;
    uint32_t lease_ms;
    uint64_t lifetime_ms;
    char workspace[PATH_MAX];
    char default_user[USER_MAX];
};

enum hello_result { HELLO_OK, HELLO_OTHER_VERSION, HELLO_MALFORMED };

/* Another version is told apart before anything else is read: its fields may mean something else. */
enum hello_result hello_parse(const struct frame *f, struct hello *out);

#endif
