/*
 * The agent's own seccomp filter: sandbox-images/seccomp.json as a BPF program. PID 1 installs it once, and every
 * process of the sandbox inherits it. The engine's filter is also in force; if an engine does not accept a profile with
 * a container (Podman, a cluster), that is its default one.
 */
#ifndef RIPCORD_CALL_FILTER_H
#define RIPCORD_CALL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Installs the filter before the first fork. With `keeps_slices` it refuses sched_setattr as well: short slices in many
 * processes would cancel the advantage of PID 1. Has no effect on kernels without filters.
 */
void call_filter_install(bool keeps_slices);
/* Returns HAS_OWN_FILTER or 0. */
uint16_t call_filter_capabilities(void);

#endif
