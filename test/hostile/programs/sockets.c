/* Makes connections within the sandbox, from all processes it may have, and fills them. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static char block[1 << 16];

/* Requests short slices from the scheduler, as the agent does. */
static void be_prompt(void) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = sizeof attributes, .runtime = 100000};
    (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

static void fill(int socket) {
    (void)fcntl(socket, F_SETFL, O_NONBLOCK);
    while (send(socket, block, sizeof block, MSG_NOSIGNAL) > 0) continue;
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    be_prompt();
    for (int i = 0; i < 12; i++) (void)fork();
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (void *)&address, length) != 0 || listen(listener, 4096) != 0 ||
        getsockname(listener, (void *)&address, &length) != 0) {
        return 1;
    }
    for (;;) {
        int there = socket(AF_INET, SOCK_STREAM, 0);
        if (there < 0 || connect(there, (void *)&address, length) != 0) {
            (void)pause();
            continue;
        }
        fill(there);
        int here = accept(listener, NULL, NULL);
        if (here >= 0) fill(here);
    }
}
