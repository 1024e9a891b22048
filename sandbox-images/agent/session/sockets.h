/*
 * Counts the sockets in the sandbox's network, and kills the commands above the limit from the host. On cgroup v1 the
 * kernel counts memory of TCP and UDP sockets towards no limit; a seccomp filter cannot count, and limits of open files
 * are per process.
 */
#ifndef RIPCORD_SOCKETS_H
#define RIPCORD_SOCKETS_H

#include <stdint.h>

/* Tests if the kernel counts the sockets of this network alone. Called before the first command. */
void sockets_open(void);
/* Returns CAN_COUNT_SOCKETS or 0. */
uint16_t sockets_capabilities(void);
/* Sets the maximum number of sockets that commands may have open together; 0 for no limit. */
void sockets_allow(uint32_t most);
/* Checks the number at intervals while commands run, and kills all commands above the limit. Returns when to call
 * again. */
uint64_t sockets_tick(uint64_t now);

#endif
