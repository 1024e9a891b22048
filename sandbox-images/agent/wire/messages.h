/* Payloads of the control frames. */
#ifndef RIPCORD_MESSAGES_H
#define RIPCORD_MESSAGES_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "wire/frame.h"

#define USER_MAX 256

/* Flag of HELLO: RESET will be sent, so the state at the start is remembered. */
#define HELLO_RESETTABLE 2

struct hello {
    uint16_t version;
    uint16_t flags;
    uint32_t lease_ms;
    uint64_t lifetime_ms;
    char workspace[PATH_MAX];
    char default_user[USER_MAX];
    struct cursor modes; /* list of `str path · u32 mode`, in the frame */
};

enum hello_result { HELLO_OK, HELLO_OTHER_VERSION, HELLO_MALFORMED };

/* Parses HELLO. The version is checked before all other fields, because another version may define them differently. */
enum hello_result hello_parse(const struct frame *f, struct hello *out);
/* Reads the next of `modes`. Returns false at the end. */
bool hello_next_mode(struct cursor *modes, char *path, size_t size, uint32_t *mode);

#endif
