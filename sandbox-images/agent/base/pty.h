#ifndef RIPCORD_PTY_H
#define RIPCORD_PTY_H

#include <stdint.h>

#include "base/user.h"

/* Creates a terminal owned by `who`, so that programs can open it again by name. Returns 0 or an errno. */
int pty_open(const struct identity *who, uint16_t cols, uint16_t rows, int *master, int *slave);
void pty_resize(int master, uint16_t cols, uint16_t rows);
/* Returns the character that ends the input, or -1 if the program reads the terminal raw. */
int pty_end_character(int master);

#endif
