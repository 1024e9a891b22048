/** `WS /ws/tasks`: starts, follows and aborts one task. Closing the socket aborts the task, unless it was started detached. */
import type { FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { InvalidOptionsError } from '../../base/errors.js';
import { toJson } from '../../executor/describe.js';
import { type TaskAnswer, taskMessageSchema } from '../../wire/messages.js';
import { callerOf } from '../call.js';
import type { ServerContext } from '../context.js';
import type { ServedTask } from '../served-tasks.js';
import { openSession } from './open-session.js';
import { CloseCode, type SocketSession } from './socket-session.js';

export function taskSession(socket: WebSocket, request: FastifyRequest, context: ServerContext): void {
  const { tasks } = context;
  const caller = callerOf(request);
  const session = openSession<TaskAnswer>(socket, context, 'tasks');
  let task: ServedTask | undefined;
  let detached = false;
  session.gone.addEventListener(
    'abort',
    () => {
      if (task && !detached) void task.handle.abort({ graceMs: 0, reason: 'its WebSocket was closed' });
    },
    { once: true },
  );
  session.onMessage(taskMessageSchema, (message) => {
    switch (message.type) {
      case 'start': {
        assertNone(task);
        const { type: _, detached: runsOn, ...start } = message;
        task = tasks.start(caller, start);
        detached = runsOn;
        void session.json({ type: 'started', id: task.id });
        void follow(session, task, 0);
        return;
      }
      case 'attach': {
        assertNone(task);
        task = tasks.get(caller, message.id);
        detached = message.detached;
        void session.json({ type: 'attached', id: task.id, state: task.handle.status().state });
        void follow(session, task, message.lastEventId);
        return;
      }
      case 'abort':
        if (!task) throw new InvalidOptionsError('abort: this socket has no task; start or attach one first');
        // Acknowledge the abort before anything else.
        void session.json({ status: 'abort_requested', id: task.id });
        void task.handle.abort({ graceMs: 0, reason: message.reason ?? 'aborted over its WebSocket' });
        return;
      case 'detach':
        detached = true;
        void session.json({ status: 'detached' });
        return;
    }
  });
}

function assertNone(task: ServedTask | undefined): void {
  if (task) throw new InvalidOptionsError(`this socket already has a task: ${task.id}`);
}

async function follow(session: SocketSession<TaskAnswer>, task: ServedTask, after: number): Promise<void> {
  try {
    for await (const entry of task.journal.read(after, session.gone)) {
      if ('gap' in entry) await session.json({ type: 'gap', ...entry.gap });
      else await session.send(`{"type":"event","id":${entry.id},"event":${entry.json}}`);
    }
    if (session.gone.aborted) return;
    await session.send(toJson(await task.end));
    session.close();
  } catch (error) {
    await session.error(error);
    session.close(CloseCode.INTERNAL, 'the task could not be followed');
  }
}
