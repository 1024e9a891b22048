/*
 * How many sockets there are in the sandbox's network, and what happens past the number that the host allows. On cgroup v1
 * the kernel counts what TCP and UDP sockets hold towards no limit; a seccomp filter cannot count, and limits of open files
 * are each process's own.
 */
#ifndef RIPCORD_SOCKETS_H
#define RIPCORD_SOCKETS_H

#include <stdint.h>

/* Before the first command: finds out whether the kernel counts those of this network alone. */
void sockets_open(void);
/* CAN_COUNT_SOCKETS or 0. */
uint16_t sockets_capabilities(void);
/* The most that commands may have open together; 0: any number. */
void sockets_allow(uint32_t most);
/* Looks from time to time while commands run, and ends them all when there are too many. Returns when to call again. */
uint64_t sockets_tick(uint64_t now);

#endif
