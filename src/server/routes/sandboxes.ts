/** Making, listing, prolonging and ending sandboxes. */
import { z } from 'zod';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { callerOf } from '../call.js';
import type { App, ServerContext } from '../context.js';
import { callerCreateSchema, checkLifetime } from '../create-options.js';
import { errorSchema, receiptSchema, sandboxParams, sandboxSchema } from '../schemas.js';

const listQuery = z.strictObject({
  /** `1`: with what the kernel counts. */
  stats: z.enum(['0', '1']).default('0'),
});

export function addSandboxes(app: App, { sandboxes, calls, options: { callers } }: ServerContext): void {
  const tags = ['sandboxes'];
  app.post(
    '/v1/sandboxes',
    {
      schema: {
        tags,
        summary: 'Make a sandbox',
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
    { schema: { tags, summary: 'The open ones', querystring: listQuery, response: { 200: z.array(sandboxSchema) } } },
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
        summary: 'One of them',
        params: sandboxParams,
        querystring: listQuery,
        response: { 200: sandboxSchema, 404: errorSchema },
      },
    },
    async (request) => {
      const sandbox = sandboxes.get(callerOf(request), request.params.id);
      if (request.query.stats === '0') return sandboxes.describe(sandbox);
      return { ...sandboxes.describe(sandbox), stats: await sandbox.stats() };
    },
  );
  app.delete(
    '/v1/sandboxes/:id',
    {
      schema: {
        tags,
        summary: 'End it; the answer is the receipt: what was removed and verified absent',
        params: sandboxParams,
        response: { 200: receiptSchema, 404: errorSchema },
      },
    },
    async (request) => sandboxes.get(callerOf(request), request.params.id).close(),
  );
  app.post(
    '/v1/sandboxes/:id/extend',
    {
      schema: {
        tags,
        summary: 'Set its end to so many milliseconds from now',
        params: sandboxParams,
        body: callerCreateSchema.pick({ lifetimeMs: true }).required(),
        response: { 200: sandboxSchema, 404: errorSchema },
      },
    },
    async (request) => {
      const sandbox = sandboxes.get(callerOf(request), request.params.id);
      checkLifetime(request.body.lifetimeMs, callers);
      sandbox.extend(request.body.lifetimeMs);
      return sandboxes.describe(sandbox);
    },
  );
  app.get(
    '/v1/receipts',
    {
      schema: {
        tags,
        summary: 'The last hundred teardowns, newest first',
        response: { 200: z.array(receiptSchema.extend({ at: z.number() })) },
      },
    },
    async (request) => sandboxes.receipts(callerOf(request)),
  );
}

/** One that ends meanwhile has none. */
async function statsOf(sandbox: Sandbox): Promise<object> {
  const stats = await sandbox.stats().catch(() => undefined);
  return stats ? { stats } : {};
}
