/*
 * Files for interpreters whose program came with its request (python/, node/). All sandboxes of an engine share the
 * files of the agent's volume, and a process that can read a file can lock it, which other sandboxes can observe. So
 * only root reads them there, and each sandbox has copies of its own.
 */
#ifndef RIPCORD_LIBRARY_H
#define RIPCORD_LIBRARY_H

#include "program/program.h"
#include "wire/spawn-request.h"

#define LIBRARY_DIR PROGRAMS_DIR "/lib"

/* Copies the files at the first request whose arguments or environment name the directory. Returns 0, or the errno. */
int library_place(const struct spawn_request *r);
/* Records that the copies were removed by a RESET. */
void library_forget(void);

#endif
