#define _GNU_SOURCE
#include "session/localhost-names.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/util.h"
#include "wire/loop.h"

#define HEADER 12u
#define NAME_MAX_BYTES 255u
#define TYPE_A 1
#define TYPE_AAAA 28
#define CLASS_IN 1
#define NXDOMAIN 3
#define TTL_S 60
/* Maximum number of queries answered in one turn of the loop. */
#define TURN_QUESTIONS 64

static struct {
    int fd;
    bool v6;
    char host[256];
} names = {.fd = -1};

static bool engine_has_resolver(void) {
    struct stat s;
    return stat("/etc/resolv.conf", &s) == 0 && s.st_size > 0;
}

static bool has_loopback_v6(void) {
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close_fd(&fd);
    return bound;
}

void names_open(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (names.fd >= 0 || engine_has_resolver()) return;
    names.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (names.fd < 0) return;
    if (bind(names.fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        loop_watch(names.fd, EPOLLIN, watch_tag(WATCH_NAMES, 0, 0)) != 0) {
        close_fd(&names.fd);
        return;
    }
    names.v6 = has_loopback_v6();
    if (gethostname(names.host, sizeof names.host - 1) != 0) names.host[0] = '\0';
}

uint32_t names_sockets(void) {
    return names.fd < 0 ? 0 : 1;
}

void names_close(void) {
    if (names.fd >= 0) loop_unwatch(names.fd);
    close_fd(&names.fd);
}

/* Reads the name of the query as text, and finds its type. Returns 0 for anything but plain labels. */
static size_t read_name(const uint8_t *message, size_t length, char *name) {
    size_t at = HEADER, used = 0;
    while (at < length && message[at] != 0) {
        size_t label = message[at];
        if (label > 63 || at + 1 + label >= length || used + label + 1 > NAME_MAX_BYTES) return 0;
        if (used > 0) name[used++] = '.';
        memcpy(name + used, message + at + 1, label);
        used += label;
        at += 1 + label;
    }
    name[used] = '\0';
    return at < length && strlen(name) == used ? at + 1 : 0;
}

static bool is_own(const char *name) {
    static const char suffix[] = ".localhost";
    size_t length = strlen(name);
    if (strcasecmp(name, "localhost") == 0) return true;
    if (length > sizeof suffix - 1 && strcasecmp(name + length - (sizeof suffix - 1), suffix) == 0) return true;
    return names.host[0] != '\0' && strcasecmp(name, names.host) == 0;
}

static uint16_t get_u16(const uint8_t *from) {
    return (uint16_t)(from[0] << 8 | from[1]);
}

static uint8_t *put_be16(uint8_t *to, uint16_t value) {
    *to++ = (uint8_t)(value >> 8);
    *to++ = (uint8_t)value;
    return to;
}

/* Appends an answer with an address. Returns the end of the message. */
static uint8_t *put_address(uint8_t *to, uint16_t type) {
    size_t size = type == TYPE_A ? 4 : 16;
    to = put_be16(to, 0xc000 | HEADER);
    to = put_be16(to, type);
    to = put_be16(to, CLASS_IN);
    to = put_be16(put_be16(to, 0), TTL_S);
    to = put_be16(to, (uint16_t)size);
    memset(to, 0, size);
    if (type == TYPE_A) to[0] = 127;
    to[size - 1] = 1;
    return to + size;
}

size_t names_answer(uint8_t message[NAMES_MESSAGE_MAX], size_t length) {
    char name[NAME_MAX_BYTES + 1];
    if (length < HEADER) return 0;
    bool is_query = (message[2] & 0xf8) == 0;
    size_t at = is_query && get_u16(message + 4) == 1 ? read_name(message, length, name) : 0;
    if (at == 0 || at + 4 > length) return 0;
    uint16_t type = get_u16(message + at);
    bool own = is_own(name);
    bool has_address = own && get_u16(message + at + 2) == CLASS_IN && (type == TYPE_A || (type == TYPE_AAAA && names.v6));
    uint8_t *end = message + at + 4;
    message[2] = (uint8_t)(0x84 | (message[2] & 1)); /* flags: answer, authoritative, recursion as requested */
    message[3] = (uint8_t)(0x80 | (own ? 0 : NXDOMAIN));
    memset(message + 6, 0, 6);
    message[7] = has_address ? 1 : 0;
    if (has_address) end = put_address(end, type);
    return (size_t)(end - message);
}

void names_event(void) {
    uint8_t message[NAMES_MESSAGE_MAX];
    struct sockaddr_in from;
    for (int i = 0; i < TURN_QUESTIONS; i++) {
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(names.fd, message, NAMES_QUESTION_MAX, 0, (struct sockaddr *)&from, &size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return;
        size_t length = names_answer(message, (size_t)n);
        if (length > 0) (void)sendto(names.fd, message, length, MSG_DONTWAIT, (struct sockaddr *)&from, size);
    }
    /* Watch it again, because events are edge-triggered: pending queries then cause a new event. */
    loop_unwatch(names.fd);
    (void)loop_watch(names.fd, EPOLLIN, watch_tag(WATCH_NAMES, 0, 0));
}
