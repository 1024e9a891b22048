/* Reduces the time until a sleeping process gets a CPU while other processes of its sandbox keep all CPUs busy. */
#ifndef RIPCORD_TURN_H
#define RIPCORD_TURN_H

#include <stdbool.h>

/*
 * Requests short time slices for this process. PID 1 and the keepers, its children, enforce limits, and must not wait
 * for the processes that they limit. From 6.6 the kernel runs the process first whose slice ends first: a sleeping
 * process waits for about half of the others, up to 3 ms each. From 6.12 a process may request shorter slices without
 * privileges; its share of the CPU stays the same. Earlier kernels ignore the length; those before 6.6 run a woken
 * process at once. Returns true if the kernel accepted the call: then call-filter.h forbids it to commands.
 */
bool turn_come_soon(void);
/* Gives children that this process forks later ordinary slices. */
void turn_keep_to_self(void);

#endif
