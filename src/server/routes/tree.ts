/** Routes for directory trees, as tar in both directions. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { errorSchema } from '../../wire/errors.js';
import { bytesSchema, sandboxParams } from '../../wire/fields.js';
import { putTreeQuery, treeQuery } from '../../wire/files.js';
import type { App, ServerContext } from '../context.js';
import { filesOf, takeRawBodies } from './scope.js';

const TAR = 'application/x-tar';

export function addTree(app: App, context: ServerContext): void {
  const called = filesOf(context);
  takeRawBodies(app);
  const tags = ['files'];
  app.get(
    '/v1/sandboxes/:id/tree',
    {
      schema: {
        tags,
        summary: 'Download a directory tree as tar; treat its content as hostile',
        params: sandboxParams,
        querystring: treeQuery,
        produces: [TAR],
        response: { 200: bytesSchema, 404: errorSchema },
      },
    },
    async (request, reply) => {
      const { files, signal } = called(request, reply);
      const { path, ...limits } = request.query;
      const archive = await files.readArchive(path, { ...limits, signal });
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
      const { files, signal } = called(request, reply);
      const archive = (request.body ?? Readable.from([])) as Readable;
      const { path, ...limits } = request.query;
      await files.writeArchive(path, archive, { ...limits, signal });
      return reply.code(204).send(null);
    },
  );
}
