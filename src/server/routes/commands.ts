/** Commands in the background: started by one request, looked at and ended by others. */
import { z } from 'zod';
import { callerOf } from '../call.js';
import type { App, ServerContext } from '../context.js';
import {
  commandParams,
  commandSchema,
  errorSchema,
  killQuery,
  pastCommandSchema,
  sandboxParams,
  spawnBody,
  waitQuery,
} from '../schemas.js';
import { outputSession } from '../ws/output-session.js';

export function addCommands(app: App, context: ServerContext): void {
  const { sandboxes } = context;
  const tags = ['commands'];
  app.post(
    '/v1/sandboxes/:id/commands',
    {
      schema: {
        tags,
        summary: 'Start a command and let it run',
        params: sandboxParams,
        body: spawnBody,
        response: { 201: commandSchema, 400: errorSchema, 404: errorSchema, 429: errorSchema },
      },
    },
    async (request, reply) => {
      const sandbox = sandboxes.get(callerOf(request), request.params.id);
      const { command, ...options } = request.body;
      return reply.code(201).send(await sandboxes.commands(sandbox).spawn(command, options));
    },
  );
  app.get(
    '/v1/sandboxes/:id/commands',
    {
      schema: {
        tags,
        summary: 'Those in the background',
        params: sandboxParams,
        response: { 200: z.array(commandSchema) },
      },
    },
    async (request) => sandboxes.commands(sandboxes.get(callerOf(request), request.params.id)).list(),
  );
  app.get(
    '/v1/sandboxes/:id/history',
    {
      schema: {
        tags,
        summary: 'The last hundred commands, newest first, however they were started, and how they ended',
        params: sandboxParams,
        response: { 200: z.array(pastCommandSchema), 404: errorSchema },
      },
    },
    async (request) => sandboxes.history(sandboxes.get(callerOf(request), request.params.id)),
  );
  app.get(
    '/v1/sandboxes/:id/commands/:command',
    {
      schema: {
        tags,
        summary: 'Its state and the head and tail of its output; `waitMs` waits for its end, at most a minute',
        params: commandParams,
        querystring: waitQuery,
        response: { 200: commandSchema, 404: errorSchema },
      },
    },
    async (request) => {
      const { id, command } = request.params;
      return sandboxes.commands(sandboxes.get(callerOf(request), id)).get(command, request.query.waitMs);
    },
  );
  app.get(
    '/v1/sandboxes/:id/commands/:command/output',
    { websocket: true, schema: { params: commandParams } },
    (socket, request) => outputSession(socket, request, context),
  );
  app.delete(
    '/v1/sandboxes/:id/commands/:command',
    {
      schema: {
        tags,
        summary: 'End its whole process tree and wait until it is dead; `signal=SIGINT` sends that one instead',
        params: commandParams,
        querystring: killQuery,
        response: { 200: commandSchema, 404: errorSchema },
      },
    },
    async (request) => {
      const { id, command } = request.params;
      return sandboxes.commands(sandboxes.get(callerOf(request), id)).kill(command, request.query.signal);
    },
  );
}
