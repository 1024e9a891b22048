/** Routes that create, list, extend and close sandboxes. */
import { z } from 'zod';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { errorSchema } from '../../wire/errors.js';
import { sandboxParams } from '../../wire/fields.js';
import {
  callerCreateSchema,
  extendBody,
  keptReceiptSchema,
  receiptSchema,
  sandboxSchema,
  statsQuery,
} from '../../wire/sandboxes.js';
import { callerOf } from '../call.js';
import type { App, ServerContext } from '../context.js';
import { checkLifetime } from '../create-options.js';
import { sandboxOf } from './scope.js';

export function addSandboxes(app: App, context: ServerContext): void {
  const { sandboxes, calls, options } = context;
  const tags = ['sandboxes'];
  app.post(
    '/v1/sandboxes',
    {
      schema: {
        tags,
        summary: 'Create a sandbox',
        body: callerCreateSchema,
        response: { 201: sandboxSchema, 400: errorSchema, 403: errorSchema, 429: errorSchema },
      },
    },
    async (request, reply) => {
      const sandbox = await sandboxes.create(callerOf(request), request.body, calls.signalOf(request, reply));
      return reply.code(201).header('location', `/v1/sandboxes/${sandbox.id}`).send(sandboxes.describe(sandbox));
    },
  );
  app.get(
    '/v1/sandboxes',
    {
      schema: {
        tags,
        summary: 'List the open sandboxes',
        querystring: statsQuery,
        response: { 200: z.array(sandboxSchema) },
      },
    },
    async (request) => {
      const found = sandboxes.list(callerOf(request));
      if (request.query.stats === '0') return found.map((sandbox) => sandboxes.describe(sandbox));
      return Promise.all(
        found.map(async (sandbox) => ({ ...sandboxes.describe(sandbox), ...(await statsOf(sandbox)) })),
      );
    },
  );
  app.get(
    '/v1/sandboxes/:id',
    {
      schema: {
        tags,
        summary: 'Get a sandbox',
        params: sandboxParams,
        querystring: statsQuery,
        response: { 200: sandboxSchema, 404: errorSchema },
      },
    },
    async (request) => {
      const sandbox = sandboxOf(context, request);
      if (request.query.stats === '0') return sandboxes.describe(sandbox);
      return { ...sandboxes.describe(sandbox), stats: await sandbox.stats() };
    },
  );
  app.delete(
    '/v1/sandboxes/:id',
    {
      schema: {
        tags,
        summary: 'Close a sandbox; the answer is the receipt of what was removed and verified absent',
        params: sandboxParams,
        response: { 200: receiptSchema, 404: errorSchema },
      },
    },
    async (request) => sandboxOf(context, request).close(),
  );
  app.post(
    '/v1/sandboxes/:id/extend',
    {
      schema: {
        tags,
        summary: 'Set the end of a sandbox to `lifetimeMs` from now',
        params: sandboxParams,
        body: extendBody,
        response: { 200: sandboxSchema, 404: errorSchema },
      },
    },
    async (request) => {
      const sandbox = sandboxOf(context, request);
      checkLifetime(request.body.lifetimeMs, options.callers);
      sandbox.extend(request.body.lifetimeMs);
      return sandboxes.describe(sandbox);
    },
  );
  app.get(
    '/v1/receipts',
    {
      schema: {
        tags,
        summary: 'List the receipts of the last 100 teardowns, newest first',
        response: { 200: z.array(keptReceiptSchema) },
      },
    },
    async (request) => sandboxes.receipts(callerOf(request)),
  );
}

/** Returns the stats of a sandbox; an empty object if it ends meanwhile. */
async function statsOf(sandbox: Sandbox): Promise<object> {
  const stats = await sandbox.stats().catch(() => undefined);
  return stats ? { stats } : {};
}
