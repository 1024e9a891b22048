#define _GNU_SOURCE
#include "wire/loop.h"

#include <stddef.h>

#include "base/util.h"

static int poller = -1;

int loop_open(void) {
    poller = epoll_create1(EPOLL_CLOEXEC);
    return poller < 0 ? -1 : 0;
}

int loop_wait(struct epoll_event *events, int most, int limit_ms) {
    return epoll_wait(poller, events, most, limit_ms);
}

int loop_watch(int fd, uint32_t events, uint64_t tag) {
    struct epoll_event event = {.events = events | EPOLLET, .data.u64 = tag};
    return epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

void loop_unwatch(int fd) {
    (void)epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
}

void unwatch_close(int *fd) {
    if (*fd >= 0) loop_unwatch(*fd);
    close_fd(fd);
}
