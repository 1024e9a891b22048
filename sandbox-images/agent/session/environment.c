#define _GNU_SOURCE
#include "session/environment.h"

#include <stdbool.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/bytes.h"

/* Variables that Docker, containerd and Podman add to the image's own. A different value is kept as the image's. */
static const char *const ADDED[] = {"TERM=xterm", "container=podman"};
/* Prefix of variables that every pod of a cluster has and no image. */
#define SERVICE "KUBERNETES_"

static bool is_named(const char *variable, const char *name) {
    size_t length = strlen(name);
    return strncmp(variable, name, length) == 0 && variable[length] == '=';
}

/* Returns true for variables of the engine. HOME counts as one: PID 1's HOME is not used for commands. */
static bool is_of_engine(const char *variable, const char *hostname) {
    if (is_named(variable, "HOME") || strncmp(variable, SERVICE, strlen(SERVICE)) == 0) return true;
    if (is_named(variable, "HOSTNAME") && strcmp(variable + strlen("HOSTNAME="), hostname) == 0) return true;
    for (size_t i = 0; i < sizeof ADDED / sizeof ADDED[0]; i++) {
        if (strcmp(variable, ADDED[i]) == 0) return true;
    }
    return false;
}

uint8_t *environment_put(uint8_t *start, size_t room, char *const *variables) {
    struct utsname name;
    const char *hostname = uname(&name) == 0 ? name.nodename : "";
    uint8_t *p = start + 4;
    const uint8_t *end = start + room;
    uint32_t count = 0;
    for (char *const *v = variables; *v != NULL; v++) {
        size_t length = strlen(*v);
        if (is_of_engine(*v, hostname)) continue;
        if ((size_t)(end - p) < 4 + length) return put_u32(start, ENVIRONMENT_TOO_LARGE);
        p = put_bytes(p, *v, (uint32_t)length);
        count++;
    }
    (void)put_u32(start, count);
    return p;
}
