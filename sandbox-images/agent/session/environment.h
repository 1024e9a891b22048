/* Returns the image's variables for READY. PID 1 has them from the engine, mixed with variables that the engine adds. */
#ifndef RIPCORD_ENVIRONMENT_H
#define RIPCORD_ENVIRONMENT_H

#include <stddef.h>
#include <stdint.h>

/* Value in place of the number of variables, if they do not fit in READY. */
#define ENVIRONMENT_TOO_LARGE UINT32_MAX

/* Writes the number of variables and each as `NAME=value`, in at most `room` bytes (4 or more). Returns the end. */
uint8_t *environment_put(uint8_t *p, size_t room, char *const *variables);

#endif
