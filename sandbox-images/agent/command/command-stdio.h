/* The pipes between PID 1, a keeper and its command. */
#ifndef RIPCORD_COMMAND_STDIO_H
#define RIPCORD_COMMAND_STDIO_H

#include "command/command-state.h"

/* Both ends of each; -1 where there is none. */
struct pipes {
    int control[2];
    int in[2];
    int out[2];
    int err[2];
};

#define NO_PIPES {{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}}

/* The command's stdio as `flags` (SPAWN_*) want it, without `control`. 0, or -1 with errno. */
int pipes_open_stdio(struct pipes *p, uint16_t flags);
int pipes_open(struct pipes *p, uint16_t flags);
void pipes_close(struct pipes *p);
/* The three descriptors that the command is to have. */
void pipes_choose_stdio(const struct pipes *p, int stdio[3]);
/* PID 1's ends become the command's. 0, or -1 with errno. */
int pipes_adopt(struct command *c, struct pipes *p);
void pipes_hold_if_brief(struct command *c, struct pipes *p);

/* They own the descriptor from then on, also when they fail. 0 or -1. */
int command_adopt_output(struct command *c, int index, int *fd);
int command_adopt_input(struct command *c, int *fd);
void command_close_input(struct input *in);
void command_close_output(struct channel *c);

#endif
