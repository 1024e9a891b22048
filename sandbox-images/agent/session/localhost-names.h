/* The names of the sandbox itself. Without a network the engine writes no /etc/hosts, and localhost would be unknown. */
#ifndef RIPCORD_LOCALHOST_NAMES_H
#define RIPCORD_LOCALHOST_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* RFC 1035 §4: a question without EDNS, and the one answer that fits behind it. */
#define NAMES_QUESTION_MAX 512u
#define NAMES_MESSAGE_MAX (NAMES_QUESTION_MAX + 28u)

/*
 * Answers DNS on 127.0.0.1:53, where glibc and musl ask when /etc/resolv.conf is empty. `localhost` and the host's own
 * name are loopback, every other name does not exist. Where the engine gives a resolver, or the port cannot be had,
 * nothing happens.
 */
void names_open(void);
void names_close(void);
void names_event(void);
uint32_t names_sockets(void);
/* Turns a question of at most NAMES_QUESTION_MAX bytes into its answer; 0 for what deserves none. */
size_t names_answer(uint8_t message[NAMES_MESSAGE_MAX], size_t length);

#endif
