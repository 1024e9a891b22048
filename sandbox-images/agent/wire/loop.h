/* The event loop's registry. It is edge-triggered: readability is stored as state, so that no system call is needed to
 * toggle it. */
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

/* Builds the tag of a watched descriptor. The stream id distinguishes a new user of a slot from the one that an old
 * event was for. */
static inline uint64_t watch_tag(enum watch_kind kind, uint32_t slot, uint32_t stream) {
    return (uint64_t)stream << 32 | (uint64_t)slot << 8 | (uint64_t)kind;
}

/* Opens the loop, once, before anything is watched. Returns 0, or -1 with errno. */
int loop_open(void);
/* Waits `limit_ms` at most. Returns the number of events, or -1 with errno. */
int loop_wait(struct epoll_event *events, int most, int limit_ms);

int loop_watch(int fd, uint32_t events, uint64_t tag);
/* Stops watching. Call it before close: a keeper forked meanwhile still has a copy, which would keep the events coming. */
void loop_unwatch(int fd);
void unwatch_close(int *fd);

#endif
