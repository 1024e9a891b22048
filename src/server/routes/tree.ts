/** Whole directory trees, as tar in both directions. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { callerOf } from '../call.js';
import type { App, ServerContext } from '../context.js';
import { errorSchema, putTreeQuery, sandboxParams, treeQuery } from '../schemas.js';
import { takeRawBodies } from './scope.js';

const TAR = 'application/x-tar';

export function addTree(app: App, { sandboxes, calls }: ServerContext): void {
  takeRawBodies(app);
  const tags = ['files'];
  app.get(
    '/v1/sandboxes/:id/tree',
    {
      schema: {
        tags,
        summary: 'A directory tree as tar; unpack it as something hostile',
        params: sandboxParams,
        querystring: treeQuery,
        produces: [TAR],
        response: { 404: errorSchema },
      },
    },
    async (request, reply) => {
      const { files } = sandboxes.get(callerOf(request), request.params.id);
      const { path, ...limits } = request.query;
      const archive = await files.readArchive(path, { ...limits, signal: calls.signalOf(request, reply) });
      return reply.type(TAR).header('content-disposition', 'attachment').send(archive);
    },
  );
  app.put(
    '/v1/sandboxes/:id/tree',
    {
      config: { streams: true },
      schema: {
        tags,
        summary: 'Unpack a tar into a directory',
        params: sandboxParams,
        querystring: putTreeQuery,
        consumes: [TAR],
        response: { 204: z.null(), 400: errorSchema, 404: errorSchema, 507: errorSchema },
      },
    },
    async (request, reply) => {
      const { files } = sandboxes.get(callerOf(request), request.params.id);
      const archive = (request.body ?? Readable.from([])) as Readable;
      const { path, ...limits } = request.query;
      await files.writeArchive(path, archive, { ...limits, signal: calls.signalOf(request, reply) });
      return reply.code(204).send(null);
    },
  );
}
