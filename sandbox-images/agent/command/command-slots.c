#define _GNU_SOURCE
#include "command/command-state.h"

#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "command/command-stdio.h"
#include "wire/loop.h"

static struct command slots[STREAMS_MAX];

static struct {
    struct command *head;
    struct command *tail;
} queue;

void command_kick(struct command *c) {
    c->blocked = false;
    if (c->queued) return;
    c->queued = true;
    c->next = NULL;
    if (queue.tail != NULL) {
        queue.tail->next = c;
    } else {
        queue.head = c;
    }
    queue.tail = c;
}

struct command *command_next(void) {
    struct command *c = queue.head;
    if (c == NULL) return NULL;
    queue.head = c->next;
    if (queue.head == NULL) queue.tail = NULL;
    c->queued = false;
    return c;
}

static void unqueue(struct command *c) {
    struct command *before = NULL;
    if (!c->queued) return;
    for (struct command *at = queue.head; at != c; at = at->next) before = at;
    if (before == NULL) {
        queue.head = c->next;
    } else {
        before->next = c->next;
    }
    if (queue.tail == c) queue.tail = before;
    c->queued = false;
}

struct command *command_find(uint32_t stream) {
    for (uint32_t i = 0; i < commands.count; i++) {
        if (commands.active[i]->stream == stream) return commands.active[i];
    }
    return NULL;
}

struct command *command_claim(uint32_t stream) {
    if (commands.count == STREAMS_MAX) return NULL;
    struct command *c = slots;
    while (c->phase != PHASE_FREE) c++;
    memset(c, 0, sizeof *c);
    c->slot = (uint32_t)(c - slots);
    c->stream = stream;
    c->phase = PHASE_REQUEST;
    c->control = c->held[0] = c->held[1] = -1;
    c->backstop_at = NEVER;
    c->before = cgroup_counters();
    input_init(&c->in);
    channel_init(&c->out[0], CHANNEL_STDOUT);
    channel_init(&c->out[1], CHANNEL_STDERR);
    commands.active[commands.count++] = c;
    return c;
}

void command_drop_request(struct command *c) {
    spawn_request_free(&c->parsed);
    free(c->request);
    c->request = NULL;
}

void command_release(struct command *c) {
    unqueue(c);
    command_drop_request(c);
    program_remove(&c->program);
    command_close_input(&c->in);
    command_close_output(&c->out[0]);
    command_close_output(&c->out[1]);
    close_fd(&c->held[0]);
    close_fd(&c->held[1]);
    unwatch_close(&c->control);
    c->phase = PHASE_FREE;
    for (uint32_t i = 0; i < commands.count; i++) {
        if (commands.active[i] == c) commands.active[i] = commands.active[--commands.count];
    }
}

bool commands_queued(void) {
    return queue.head != NULL;
}

struct command *command_of_tag(uint64_t tag) {
    struct command *c = &slots[(uint32_t)(tag >> 8) % STREAMS_MAX];
    return c->phase == PHASE_FREE || c->stream != (uint32_t)(tag >> 32) ? NULL : c;
}

uint32_t commands_count(void) {
    uint32_t running = 0;
    for (uint32_t i = 0; i < commands.count; i++) running += commands.active[i]->phase == PHASE_RUNNING;
    return running;
}
