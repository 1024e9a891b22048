/** Routes for background commands: one request starts a command, others read its state or end it. */
import { z } from 'zod';
import { commandSchema, killQuery, pastCommandSchema, spawnBody, waitQuery } from '../../wire/commands.js';
import { errorSchema } from '../../wire/errors.js';
import { commandParams, sandboxParams } from '../../wire/fields.js';
import type { App, ServerContext } from '../context.js';
import { outputSession } from '../ws/output-session.js';
import { sandboxOf } from './scope.js';

export function addCommands(app: App, context: ServerContext): void {
  const tags = ['commands'];
  const commandsOf = (request: Parameters<typeof sandboxOf>[1]) =>
    context.sandboxes.commands(sandboxOf(context, request));
  app.post(
    '/v1/sandboxes/:id/commands',
    {
      schema: {
        tags,
        summary: 'Start a command in the background',
        params: sandboxParams,
        body: spawnBody,
        response: { 201: commandSchema, 400: errorSchema, 404: errorSchema, 429: errorSchema },
      },
    },
    async (request, reply) => {
      const { command, ...options } = request.body;
      return reply.code(201).send(await commandsOf(request).spawn(command, options));
    },
  );
  app.get(
    '/v1/sandboxes/:id/commands',
    {
      schema: {
        tags,
        summary: 'List the background commands',
        params: sandboxParams,
        response: { 200: z.array(commandSchema) },
      },
    },
    async (request) => commandsOf(request).list(),
  );
  app.get(
    '/v1/sandboxes/:id/history',
    {
      schema: {
        tags,
        summary: 'List the last 100 commands of any kind with their outcomes, newest first',
        params: sandboxParams,
        response: { 200: z.array(pastCommandSchema), 404: errorSchema },
      },
    },
    async (request) => context.sandboxes.history(sandboxOf(context, request)),
  );
  app.get(
    '/v1/sandboxes/:id/commands/:command',
    {
      schema: {
        tags,
        summary:
          'Get the state of a command and the head and tail of its output; `waitMs` waits for its end, at most a minute',
        params: commandParams,
        querystring: waitQuery,
        response: { 200: commandSchema, 404: errorSchema },
      },
    },
    async (request) => commandsOf(request).get(request.params.command, request.query.waitMs),
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
        summary: 'Kill the process tree of a command and wait until it is dead; `signal=SIGINT` only sends that signal',
        params: commandParams,
        querystring: killQuery,
        response: { 200: commandSchema, 404: errorSchema },
      },
    },
    async (request) => commandsOf(request).kill(request.params.command, request.query.signal),
  );
}
