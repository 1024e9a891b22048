/* What connects to the agent's own port inside: each connection becomes a stream that the agent opens. */
#ifndef RIPCORD_CONNECTION_H
#define RIPCORD_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

struct command;

/*
 * Listens on 127.0.0.1 from now on; `port` 0 takes any free one. At most `limit` connections are accepted at a time,
 * the rest wait in the kernel's queue. The answer is owed until connections_answer has sent it.
 */
void connections_listen(uint16_t port, uint16_t limit);
bool connections_answer(void);
/* Stops listening; it may be asked for again. */
void connections_stop(void);
void connections_event(void);
/* A slot or a descriptor may be free again. */
void connections_retry(void);
/* The agent's ends, and the one it listens at. */
uint32_t connections_sockets(void);
/* Ends one at once, without a word to the one inside but a reset. */
void connection_reset(struct command *c);

#endif
