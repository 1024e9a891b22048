#define _GNU_SOURCE
#include <errno.h>

#include "base/util.h"
#include "reset/reset.h"

bool reset_fail(struct reset_result *out, int error, const char *what, const char *detail) {
    if (out->error != 0) return false;
    out->error = error == 0 ? EIO : (uint32_t)error;
    out->what[0] = '\0';
    text_append(out->what, sizeof out->what, what);
    text_append(out->what, sizeof out->what, detail);
    return false;
}
