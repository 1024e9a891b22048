/**
 * `WS /v1/sandboxes/:id/commands/:command/output`: the kept output of a background command, then new output, then its
 * result. Output messages are binary and begin with a byte for the channel. Closing the socket does not end the command.
 */
import type { FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { z } from 'zod';
import { RipcordError } from '../../base/errors.js';
import { STDERR, STDOUT } from '../../wire/channels.js';
import type { OutputAnswer } from '../../wire/messages.js';
import { callerOf } from '../call.js';
import type { ServerContext } from '../context.js';
import { openSession } from './open-session.js';

const nothing = z.never();

export async function outputSession(socket: WebSocket, request: FastifyRequest, context: ServerContext): Promise<void> {
  const { sandboxes } = context;
  const { id, command } = request.params as { id: string; command: string };
  const session = openSession<OutputAnswer>(socket, context, 'output');
  session.onMessage(nothing, () => {}, undefined, { hello: false });
  try {
    const pieces = sandboxes.commands(sandboxes.get(callerOf(request), id)).follow(command, session.gone);
    let step = await pieces.next();
    for (; !step.done; step = await pieces.next()) {
      const { channel } = step.value;
      if ('missing' in step.value) await session.json({ type: 'gap', channel, bytes: step.value.missing });
      else await session.send(Buffer.concat([Buffer.of(channel === 'stdout' ? STDOUT : STDERR), step.value.bytes]));
    }
    if (!step.value) throw new RipcordError('sandbox-lost', 'The sandbox ended before the command did');
    await session.json({ type: 'result', result: step.value });
  } catch (error) {
    await session.error(error);
  }
  session.close();
}
