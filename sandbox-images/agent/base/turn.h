/* How soon a sleeping process gets a CPU while others of its sandbox keep all of them busy. */
#ifndef RIPCORD_TURN_H
#define RIPCORD_TURN_H

#include <stdbool.h>

/*
 * PID 1 and the keepers, its children, keep limits, and must not wait for the processes that they limit. From 6.6 the kernel
 * serves the process first whose slice ends first: a sleeper waits for about half of the others, up to 3 ms each. From 6.12
 * a process may ask for shorter slices without any privilege; its share of the CPU stays the same. Earlier kernels
 * ignore the length; those before 6.6 serve a sleeper at once. True if the kernel took the call: call-filter.h refuses it to
 * commands then.
 */
bool turn_come_soon(void);
/* Children that this process forks later have ordinary slices. */
void turn_keep_to_self(void);

#endif
