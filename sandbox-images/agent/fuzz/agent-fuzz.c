/*
 * libFuzzer target for everything that parses bytes from outside. The first byte chooses the parser, so that one corpus
 * serves all of them.
 *
 *   node scripts/build-agent.mjs --fuzz
 *   cd sandbox-images/agent && ./build/agent-x64-fuzz -max_len=8192 /tmp/corpus fuzz/corpus
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/protocol.h"
#include "base/tar-reader.h"
#include "base/user.h"
#include "session/localhost-names.h"
#include "wire/frame.h"
#include "wire/messages.h"
#include "wire/spawn-request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) ((condition) ? (void)0 : abort())

static void fuzz_spawn_request(const uint8_t *data, size_t size) {
    struct spawn_request request;
    uint8_t *copy = malloc(size > 0 ? size : 1);
    CHECK(copy != NULL);
    if (size > 0) memcpy(copy, data, size);
    if (spawn_request_parse(copy, size, &request) == 0) {
        size_t bytes = 0;
        for (char **at = request.argv; *at != NULL; at++) bytes += strlen(*at);
        for (char **at = request.env; *at != NULL; at++) CHECK(strchr(*at, '=') != NULL);
        CHECK(bytes + strlen(request.user) + strlen(request.cwd) <= size);
        CHECK(request.argv[request.argc] == NULL && request.env[request.envc] == NULL);
        CHECK(request.tail[0] <= TAIL_MAX && request.tail[1] <= TAIL_MAX);
        spawn_request_free(&request);
    }
    free(copy);
}

static void fuzz_frames(const uint8_t *data, size_t size) {
    static struct hello hello;
    struct frame f;
    size_t used;
    while (frame_take(data, size, &f, &used) == FRAME_COMPLETE) {
        CHECK(used <= size && f.length <= FRAME_PAYLOAD_MAX && f.payload + f.length == data + used);
        if (hello_parse(&f, &hello) == HELLO_OK) {
            CHECK(hello.workspace[0] == '/' && hello.default_user[0] != '\0');
        }
        if (f.type == T_SPAWN) fuzz_spawn_request(f.payload, f.length);
        data += used;
        size -= used;
    }
}

static long read_cursor(void *context, void *buffer, size_t length) {
    struct cursor *c = context;
    if (length > c->left) length = c->left;
    if (length > 0) memcpy(buffer, c->at, length);
    cursor_skip(c, length);
    return (long)length;
}

/* Writes a correct checksum into every header, because the fuzzer could not get past the check. */
static void repair_checksums(uint8_t *data, size_t size) {
    for (size_t at = 0; at + 512 <= size; at += 512) {
        unsigned sum = 0;
        char text[8];
        if (memcmp(data + at + 257, "ustar", 5) != 0) continue;
        memset(data + at + 148, ' ', 8);
        for (size_t i = 0; i < 512; i++) sum += data[at + i];
        (void)snprintf(text, sizeof text, "%06o", sum);
        memcpy(data + at + 148, text, 7);
    }
}

static void check_clean(const char *path) {
    CHECK(path[0] != '/' && strstr(path, "//") == NULL && strlen(path) < PATH_MAX);
    for (const char *at = path; at != NULL; at = strchr(at, '/')) {
        if (*at == '/') at++;
        size_t length = strcspn(at, "/");
        CHECK(!(length == 2 && memcmp(at, "..", 2) == 0) && !(length == 1 && at[0] == '.'));
    }
}

static void fuzz_tar(const uint8_t *data, size_t size) {
    static struct tar_entry entry;
    static char path[PATH_MAX];
    uint8_t chunk[1000];
    uint8_t *copy = malloc(size > 0 ? size : 1);
    CHECK(copy != NULL);
    if (size > 0) memcpy(copy, data, size);
    repair_checksums(copy, size);
    struct cursor c = {copy, size, false};
    struct tar_reader reader = {.read = read_cursor, .context = &c};
    while (tar_next(&reader, &entry) > 0) {
        CHECK(strlen(entry.path) < PATH_MAX && strlen(entry.link) < PATH_MAX);
        if (tar_clean_path(entry.path, path) == 0) check_clean(path);
        (void)tar_link_stays(path, entry.link);
        if (entry.type == '0' && entry.size % 2 == 0) {
            while (tar_content(&reader, chunk, sizeof chunk) > 0) continue;
        }
    }
    free(copy);
}

/* Splits the input at NUL into three parts: passwd, group, requested user. */
static void fuzz_users(const uint8_t *data, size_t size) {
    struct identity who;
    char spec[300] = "";
    const uint8_t *group = memchr(data, '\0', size);
    if (group == NULL) return;
    size_t passwd_size = (size_t)(group++ - data);
    size_t left = size - passwd_size - 1;
    const uint8_t *asked = memchr(group, '\0', left);
    if (asked == NULL) return;
    size_t group_size = (size_t)(asked++ - group);
    size_t spec_size = left - group_size - 1;
    if (spec_size >= sizeof spec) return;
    if (spec_size > 0) memcpy(spec, asked, spec_size);
    if (user_find((const char *)data, passwd_size, (const char *)group, group_size, spec, &who) == 0) {
        CHECK(who.uid != (uid_t)-1 && who.gid != (gid_t)-1 && who.group_count <= GROUPS_MAX);
    }
}

static void fuzz_names(const uint8_t *data, size_t size) {
    if (size > NAMES_QUESTION_MAX) return;
    /* Use a separate allocation, so that ASan detects an access past the end. */
    uint8_t *message = malloc(NAMES_MESSAGE_MAX);
    if (message == NULL) return;
    memcpy(message, data, size);
    size_t length = names_answer(message, size);
    CHECK(length == 0 || (length <= NAMES_MESSAGE_MAX && (message[2] & 0x80) != 0));
    free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    if (data[0] == 0xff) {
        fuzz_names(data + 1, size - 1);
        return 0;
    }
    switch (data[0] % 4) {
        case 0:
            fuzz_frames(data + 1, size - 1);
            break;
        case 1:
            fuzz_spawn_request(data + 1, size - 1);
            break;
        case 2:
            fuzz_tar(data + 1, size - 1);
            break;
        default:
            fuzz_users(data + 1, size - 1);
            break;
    }
    return 0;
}
