/* The sandbox's own cgroup counters, v1 and v2. The files are opened once and read with pread. */
#ifndef RIPCORD_CGROUP_H
#define RIPCORD_CGROUP_H

#include <stdint.h>

#define FIGURE_UNKNOWN UINT64_MAX

struct cgroup_counters {
    uint64_t oom_kills;
    uint64_t pids_events;
};

struct cgroup_figures {
    uint64_t memory;
    uint64_t memory_peak;
    uint64_t cpu_us;
    uint64_t pids;
};

void cgroup_open(void);
/* Returns HAS_CGROUP_V1, HAS_CGROUP_V2, HAS_OOM_COUNTER, HAS_PIDS_COUNTER for the files that exist. */
uint16_t cgroup_capabilities(void);
struct cgroup_counters cgroup_counters(void);
struct cgroup_figures cgroup_figures(void);
/* Returns by how much `now` is above `before`; 0 if either is unknown. */
uint32_t counter_rise(uint64_t before, uint64_t now);

#endif
