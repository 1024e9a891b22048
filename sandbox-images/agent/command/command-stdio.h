/* The pipes between PID 1, a keeper and its command. */
#ifndef RIPCORD_COMMAND_STDIO_H
#define RIPCORD_COMMAND_STDIO_H

#include "command/command-state.h"

/* Both ends of each pipe; -1 if unused. */
struct pipes {
    int control[2];
    int in[2];
    int out[2];
    int err[2];
};

#define NO_PIPES {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}}

/* Opens the command's stdio according to `flags` (SPAWN_*), without `control`. Returns 0, or -1 with errno. */
int pipes_open_stdio(struct pipes *p, uint16_t flags);
int pipes_open(struct pipes *p, uint16_t flags);
void pipes_close(struct pipes *p);
/* Chooses the three descriptors that the command gets. */
void pipes_choose_stdio(const struct pipes *p, int stdio[3]);
/* Gives PID 1's ends to the command. Returns 0, or -1 with errno. */
int pipes_adopt(struct command *c, struct pipes *p);
void pipes_hold_if_brief(struct command *c, struct pipes *p);

/* These functions own the descriptor from then on, also if they fail. They return 0 or -1. */
int command_adopt_output(struct command *c, int index, int *fd);
int command_adopt_input(struct command *c, int *fd);
void command_close_input(struct input *in);
void command_close_output(struct channel *c);

#endif
