/** Routes for tasks: iteration runs of the specs that the operator registered. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RipcordError } from '../../base/errors.js';
import { toJson } from '../../executor/describe.js';
import { errorSchema } from '../../wire/errors.js';
import { abortAnswerSchema, afterQuery, bytesSchema, taskParams } from '../../wire/fields.js';
import {
  abortTaskBody,
  approvalBody,
  approvalSchema,
  startTaskBody,
  taskEndSchema,
  taskSchema,
} from '../../wire/tasks.js';
import { callerOf } from '../call.js';
import type { App, ServerContext } from '../context.js';
import { onRequestEnd } from '../request-end.js';
import { SseStream, sseHeaders } from '../sse.js';
import { taskSession } from '../ws/task-session.js';

const tags = ['tasks'];

export function addTasks(app: App, context: ServerContext): void {
  const { tasks } = context;
  app.get('/ws/tasks', { websocket: true }, (socket, request) => taskSession(socket, request, context));
  app.get(
    '/v1/specs',
    {
      schema: {
        tags,
        summary: 'List the specs that tasks can be started from',
        response: { 200: z.array(z.string()) },
      },
    },
    async () => tasks.specs,
  );
  app.post(
    '/v1/tasks',
    {
      schema: {
        tags,
        summary: 'Start a task; it keeps running if the client disconnects',
        body: startTaskBody,
        response: { 201: taskSchema, 404: errorSchema, 409: errorSchema, 429: errorSchema },
      },
    },
    async (request, reply) => {
      const task = tasks.start(callerOf(request), request.body);
      return reply.code(201).header('location', `/v1/tasks/${task.id}`).send(tasks.describe(task));
    },
  );
  app.get(
    '/v1/tasks',
    {
      schema: {
        tags,
        summary: 'List the running tasks and the last ended ones',
        response: { 200: z.array(taskSchema) },
      },
    },
    async (request) => tasks.list(callerOf(request)).map((task) => tasks.describe(task)),
  );
  app.get(
    '/v1/tasks/:id',
    {
      schema: {
        tags,
        summary: 'Get the state of a task',
        params: taskParams,
        response: { 200: taskSchema, 404: errorSchema },
      },
    },
    async (request) => tasks.describe(tasks.get(callerOf(request), request.params.id)),
  );
  app.get(
    '/v1/tasks/:id/result',
    {
      schema: {
        tags,
        summary: 'Get the result of a task and the receipts of its sandboxes; 202 and its state while it runs',
        params: taskParams,
        response: { 200: taskEndSchema, 202: taskSchema, 404: errorSchema },
      },
    },
    async (request, reply) => {
      const task = tasks.get(callerOf(request), request.params.id);
      if (task.ended) return reply.send(task.ended);
      return reply.code(202).send(tasks.describe(task));
    },
  );
  app.post(
    '/v1/tasks/:id/abort',
    {
      schema: {
        tags,
        summary: 'Abort a task; answers at once, an event reports the end',
        params: taskParams,
        body: abortTaskBody,
        response: { 202: abortAnswerSchema, 404: errorSchema },
      },
    },
    async (request, reply) => {
      const task = tasks.get(callerOf(request), request.params.id);
      void task.handle.abort({ graceMs: 0, reason: request.body.reason ?? 'aborted by a request' });
      return reply.code(202).send({ status: 'abort_requested' as const });
    },
  );
  app.get(
    '/v1/tasks/:id/approval',
    {
      schema: {
        tags,
        summary: 'Get the diff that waits for an approval; 404 if there is none',
        params: taskParams,
        response: { 200: approvalSchema, 404: errorSchema },
      },
    },
    async (request) => {
      const { approval, id } = tasks.get(callerOf(request), request.params.id);
      if (!approval) throw new RipcordError('not-found', `Task ${id} does not wait for an approval`);
      const { answer: _, ...pending } = approval;
      return pending;
    },
  );
  app.post(
    '/v1/tasks/:id/approval',
    {
      schema: {
        tags,
        summary: 'Approve or decline the commit',
        params: taskParams,
        body: approvalBody,
        response: { 200: taskSchema, 404: errorSchema },
      },
    },
    async (request) => {
      const task = tasks.get(callerOf(request), request.params.id);
      const { approve, allow, reason } = request.body;
      tasks.answer(task, { approve, ...(allow && { allow }), ...(reason !== undefined && { feedback: reason }) });
      return tasks.describe(task);
    },
  );
  addTaskEvents(app, context);
}

function addTaskEvents(app: App, { tasks }: ServerContext): void {
  app.get(
    '/v1/tasks/:id/events',
    {
      schema: {
        tags,
        summary:
          'Stream events with ids as server-sent events; `Last-Event-ID` continues after that id. The last is `completed`, `aborted` or `failed`',
        params: taskParams,
        querystring: afterQuery,
        produces: ['text/event-stream'],
        response: { 200: bytesSchema, 404: errorSchema },
      },
    },
    async (request, reply) => {
      const task = tasks.get(callerOf(request), request.params.id);
      const events = new SseStream();
      const gone = new AbortController();
      events.once('close', () => gone.abort());
      onRequestEnd(request, reply, () => events.destroy());
      void (async () => {
        for await (const entry of task.journal.read(lastEventId(request), gone.signal)) {
          if ('gap' in entry) await events.event('gap', JSON.stringify(entry.gap));
          else await events.event('event', entry.json, entry.id);
        }
        if (gone.signal.aborted) return;
        const end = await task.end;
        await events.event(end.type, toJson(end));
        events.end();
      })().catch(() => events.destroy());
      sseHeaders(reply);
      return reply.send(events);
    },
  );
}

function lastEventId(request: FastifyRequest<{ Querystring: z.output<typeof afterQuery> }>): number {
  const header = request.headers['last-event-id'];
  const id = header === undefined ? (request.query.lastEventId ?? 0) : Number(header);
  return Number.isSafeInteger(id) && id >= 0 ? id : 0;
}
