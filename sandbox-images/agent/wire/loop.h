/* The event loop's registry: edge-triggered, so that what is readable is state and costs no system call to toggle. */
#ifndef RIPCORD_LOOP_H
#define RIPCORD_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

enum watch_kind {
    WATCH_HOST_IN,
    WATCH_HOST_OUT,
    WATCH_SIGNALS,
    WATCH_CONTROL,
    WATCH_INPUT,
    WATCH_OUTPUT_1,
    WATCH_OUTPUT_2,
    WATCH_LISTENER,
    WATCH_NAMES,
    WATCH_ZYGOTE,
    WATCH_SPARE,
};

/* The stream id tells a new user of a slot from the one an old event was for. */
static inline uint64_t watch_tag(enum watch_kind kind, uint32_t slot, uint32_t stream) {
    return (uint64_t)stream << 32 | (uint64_t)slot << 8 | (uint64_t)kind;
}

/* Once, before anything is watched. 0, or -1 with errno. */
int loop_open(void);
/* Waits `limit_ms` at most. The number of events, or -1 with errno. */
int loop_wait(struct epoll_event *events, int most, int limit_ms);

int loop_watch(int fd, uint32_t events, uint64_t tag);
/* To be called before close: a keeper forked a moment ago still holds a copy, which would keep the events coming. */
void loop_unwatch(int fd);
void unwatch_close(int *fd);

#endif
