/* Answers DNS queries for localhost: without a network the engine writes no /etc/hosts. */
#ifndef RIPCORD_LOCALHOST_NAMES_H
#define RIPCORD_LOCALHOST_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* Maximum sizes: a query without EDNS (RFC 1035 §4), and the one answer after it. */
#define NAMES_QUESTION_MAX 512u
#define NAMES_MESSAGE_MAX (NAMES_QUESTION_MAX + 28u)

/*
 * Answers DNS on 127.0.0.1:53, which glibc and musl use if /etc/resolv.conf is empty. `localhost` and the sandbox's
 * hostname are loopback; every other name does not exist. Has no effect if the engine sets a resolver or the port is
 * taken.
 */
void names_open(void);
void names_close(void);
void names_event(void);
uint32_t names_sockets(void);
/* Turns a query of at most NAMES_QUESTION_MAX bytes into its answer. Returns 0 for an invalid query. */
size_t names_answer(uint8_t message[NAMES_MESSAGE_MAX], size_t length);

#endif
