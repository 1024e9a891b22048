/*
 * The agent's own filter of system calls, sandbox-images/seccomp.json as a BPF program. It is put on PID 1 once, so that
 * every process of the sandbox inherits it. The engine's filter lies beneath: where an engine takes no profile with a
 * container (Podman, a cluster), that is its own default.
 */
#ifndef RIPCORD_CALL_FILTER_H
#define RIPCORD_CALL_FILTER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Before the first fork. With `keeps_slices` it refuses sched_setattr as well: short slices in many processes would undo
 * those of PID 1. Without filters in the kernel nothing happens.
 */
void call_filter_install(bool keeps_slices);
/* HAS_OWN_FILTER or 0. */
uint16_t call_filter_capabilities(void);

#endif
