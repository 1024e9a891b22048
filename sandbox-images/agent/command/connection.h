/* Accepts connections to the agent's own port inside. For each one the agent opens a stream. */
#ifndef RIPCORD_CONNECTION_H
#define RIPCORD_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

struct command;

/*
 * Listens on 127.0.0.1 from now on; `port` 0 takes any free port. At most `limit` connections are accepted at a time,
 * the rest wait in the kernel's queue. The answer is sent by connections_answer.
 */
void connections_listen(uint16_t port, uint16_t limit);
bool connections_answer(void);
/* Stops listening. It can be started again. */
void connections_stop(void);
void connections_event(void);
/* Retries to accept: a slot or a descriptor may be free again. */
void connections_retry(void);
/* Returns the number of the agent's sockets, including the listening one. */
uint32_t connections_sockets(void);
/* Resets a connection at once. */
void connection_reset(struct command *c);

#endif
