#define _GNU_SOURCE
#include "command/command-state.h"

struct commands commands = {.null_fd = -1, .next_backstop = NEVER, .next_linger = NEVER, .next_drain = NEVER,
                            .orphans_at = NEVER};

const char *command_user(const struct spawn_request *r) {
    return r->user[0] == '\0' ? commands.setup.default_user : r->user;
}
