/** `WS /v1/events`: events of a caller's sandboxes and tasks, from now on or after an id. */
import type { FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import type { EventsAnswer } from '../../wire/messages.js';
import { callerOf } from '../call.js';
import type { ServerContext } from '../context.js';
import { openSession } from './open-session.js';

const nothing = z.never();

export async function eventsSession(socket: WebSocket, request: FastifyRequest, context: ServerContext): Promise<void> {
  const { events } = context;
  const caller = callerOf(request);
  const session = openSession<EventsAnswer>(socket, context, 'events');
  session.onMessage(nothing, () => {}, undefined, { hello: false });
  const { lastEventId } = request.query as { lastEventId?: number };
  const after = lastEventId ?? events.lastId;
  const entries = events.read(after, session.gone);
  await session.json({ type: 'hello', lastEventId: events.resumeAt(after) });
  for await (const entry of entries) {
    if ('gap' in entry) await session.json({ type: 'gap', ...entry.gap });
    else if (caller.operator || entry.scope === caller.name) {
      await session.send(`{"type":"event","id":${entry.id},"event":${entry.json}}`);
    }
  }
  session.close();
}
