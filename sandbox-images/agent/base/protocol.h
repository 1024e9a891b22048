/* Constants of docs/internals/protocol.md. New ones are only appended. */
#ifndef RIPCORD_PROTOCOL_H
#define RIPCORD_PROTOCOL_H

#include <stdint.h>

#define PROTOCOL_MAGIC 0x50495231u
#define PROTOCOL_VERSION 1

#define FRAME_HEADER 9u
#define FRAME_PAYLOAD_MAX 65536u
#define SPAWN_REQUEST_MAX (20u << 20)
#define STDIN_WINDOW 1048576u
#define TAIL_MAX (8u << 20)
#define STREAMS_MAX 512u

enum from_host {
    T_HELLO = 0x01,
    T_PING = 0x02,
    T_SPAWN = 0x03,
    T_SPAWN_MORE = 0x04,
    T_STDIN = 0x05,
    T_STDIN_EOF = 0x06,
    T_CREDIT = 0x07,
    T_KILL = 0x08,
    T_RESIZE = 0x09,
    T_SHUTDOWN = 0x0a,
    T_LEASE = 0x0b,
    T_STATS_REQUEST = 0x0c,
    T_KILL_ALL = 0x0d,
    T_DETACH = 0x0e,
    T_LISTEN = 0x0f,
    T_RESET = 0x10,
    T_WARM = 0x11,
    T_LIMITS = 0x12,
};

enum to_host {
    T_READY = 0x81,
    T_PONG = 0x82,
    T_STARTED = 0x83,
    T_STDOUT = 0x84,
    T_STDERR = 0x85,
    T_OUTPUT_EOF = 0x86,
    T_OUTPUT_GAP = 0x87,
    T_STDIN_CREDIT = 0x88,
    T_STDIN_CLOSED = 0x89,
    T_EXIT = 0x8a,
    T_ERROR = 0x8b,
    T_STATS = 0x8c,
    T_BYE = 0x8d,
    T_LISTENING = 0x8e,
    T_ACCEPTED = 0x8f,
    T_RESET_DONE = 0x90,
    T_WARMED = 0x91,
};

enum capability {
    CAN_SUBREAP = 1,
    CAN_HIDE_DESCRIPTORS = 2,
    CAN_REFUSE_SIGNALS = 4,
    HAS_CGROUP_V1 = 8,
    HAS_CGROUP_V2 = 16,
    HAS_OOM_COUNTER = 32,
    HAS_PIDS_COUNTER = 64,
    HAS_OPENAT2 = 128,
    HAS_NO_NEW_PRIVS = 256,
    HAS_SECCOMP = 512,
    CAN_HIDE_FROM_ROOT = 1024,
    CAN_COUNT_SOCKETS = 2048,
    HAS_OWN_FILTER = 4096,
};

enum error_code {
    E_VERSION = 1,
    E_MALFORMED = 2,
    E_TOO_LONG = 3,
    E_NO_HELLO = 4,
    E_UNSAFE_KERNEL = 5,
    E_INTERNAL = 6,
    E_UNKNOWN_USER = 7,
};

enum bye_reason {
    BYE_SHUTDOWN = 1,
    BYE_STDIN_EOF = 2,
    BYE_LEASE = 3,
    BYE_LIFETIME = 4,
    BYE_PROTOCOL = 5,
    BYE_SIGTERM = 6,
};

enum spawn_flag {
    SPAWN_PTY = 1,
    SPAWN_STDIN = 2,
    SPAWN_DETACHED = 4,
    SPAWN_FS = 8,
    SPAWN_MERGE = 16,
    SPAWN_BRIEF = 32,
    SPAWN_PROGRAM = 64,
    SPAWN_PATIENT = 128,
};

enum outcome {
    OUTCOME_EXITED = 0,
    OUTCOME_SIGNALED = 1,
    OUTCOME_TIMEOUT = 2,
    OUTCOME_OOM = 3,
    OUTCOME_OUTPUT_LIMIT = 4,
    OUTCOME_SPAWN_FAILED = 5,
};

enum stage {
    STAGE_NONE = 0,
    STAGE_REQUEST = 1,
    STAGE_USER = 2,
    STAGE_CWD = 3,
    STAGE_RESOURCES = 4,
    STAGE_EXEC = 5,
    STAGE_PTY = 6,
    STAGE_PROGRAM = 7,
};

enum exit_flag {
    EXIT_STDOUT_TRUNCATED = 1,
    EXIT_STDERR_TRUNCATED = 2,
    EXIT_OOM_ROSE = 4,
    EXIT_KILLED_BY_HOST = 8,
    EXIT_PIDS_ROSE = 16,
    EXIT_WARM = 32,
    EXIT_SOCKETS = 64,
};

#define KILL_DISCARD 1u
#define CHANNEL_STDOUT 1
#define CHANNEL_STDERR 2
#define HEAD_EVERYTHING UINT64_MAX
/* Variable by which a fresh interpreter finds modules of the working directory (python/). A fork of a warm one does not
 * need it. */
#define WARM_FOR_FRESH_ONES "PYTHONPATH="

#endif
