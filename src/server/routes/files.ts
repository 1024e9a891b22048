/** Files: content as streams up and down, the rest as JSON. */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { callerOf } from '../call.js';
import type { App, ServerContext } from '../context.js';
import { sendList, sendWithList } from '../json-list.js';
import {
  diffAnswerSchema,
  diffQuery,
  errorSchema,
  fileSchema,
  listQuery,
  makeDirBody,
  readQuery,
  removeQuery,
  renameBody,
  sandboxParams,
  statQuery,
  writeQuery,
} from '../schemas.js';
import { addScope, takeRawBodies } from './scope.js';

const tags = ['files'];
const OCTETS = 'application/octet-stream';

export function addFiles(app: App, context: ServerContext): void {
  const { sandboxes, calls } = context;
  addScope(app, (scope) => addUpload(scope, context));
  app.get(
    '/v1/sandboxes/:id/files',
    {
      exposeHeadRoute: true,
      schema: {
        tags,
        summary: 'The content of a file',
        params: sandboxParams,
        querystring: readQuery,
        produces: [OCTETS],
        response: { 404: errorSchema },
      },
    },
    async (request, reply) => {
      const { files } = sandboxes.get(callerOf(request), request.params.id);
      const { path, ...options } = request.query;
      const content = await files.readStream(path, { ...options, signal: calls.signalOf(request, reply) });
      const isHead = request.method === 'HEAD';
      if (isHead) content.destroy();
      // What a sandbox made is no page of this origin, whatever it says.
      return reply
        .type(OCTETS)
        .header('content-disposition', 'attachment')
        .send(isHead ? undefined : content);
    },
  );
  app.delete(
    '/v1/sandboxes/:id/files',
    {
      schema: {
        tags,
        summary: 'Remove it',
        params: sandboxParams,
        querystring: removeQuery,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { path, ...options } = request.query;
      const { files } = sandboxes.get(callerOf(request), request.params.id);
      await files.remove(path, { ...options, signal: calls.signalOf(request, reply) });
      return reply.code(204).send(null);
    },
  );
  app.get(
    '/v1/sandboxes/:id/files/list',
    {
      schema: {
        tags,
        summary: 'What is in a directory',
        params: sandboxParams,
        querystring: listQuery,
        response: { 200: z.array(fileSchema), 404: errorSchema },
      },
    },
    async (request, reply) => {
      const { path, ...options } = request.query;
      const { files } = sandboxes.get(callerOf(request), request.params.id);
      const listed = await files.list(path, { ...options, signal: calls.signalOf(request, reply) });
      return sendList(reply, listed);
    },
  );
  app.get(
    '/v1/sandboxes/:id/files/stat',
    {
      schema: {
        tags,
        summary: 'What is there',
        params: sandboxParams,
        querystring: statQuery,
        response: { 200: fileSchema, 404: errorSchema },
      },
    },
    async (request, reply) => {
      const { path, ...options } = request.query;
      const { files } = sandboxes.get(callerOf(request), request.params.id);
      return files.stat(path, { ...options, signal: calls.signalOf(request, reply) });
    },
  );
  app.post(
    '/v1/sandboxes/:id/files/mkdir',
    {
      schema: {
        tags,
        summary: 'Make a directory',
        params: sandboxParams,
        body: makeDirBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { path, ...options } = request.body;
      const { files } = sandboxes.get(callerOf(request), request.params.id);
      await files.makeDir(path, { ...options, signal: calls.signalOf(request, reply) });
      return reply.code(204).send(null);
    },
  );
  app.post(
    '/v1/sandboxes/:id/files/rename',
    { schema: { tags, summary: 'Rename', params: sandboxParams, body: renameBody, response: { 204: z.null() } } },
    async (request, reply) => {
      const { from, to, ...options } = request.body;
      const { files } = sandboxes.get(callerOf(request), request.params.id);
      await files.rename(from, to, { ...options, signal: calls.signalOf(request, reply) });
      return reply.code(204).send(null);
    },
  );
  app.get(
    '/v1/sandboxes/:id/files/diff',
    {
      schema: {
        tags,
        summary: 'What changed in the workspace',
        params: sandboxParams,
        querystring: diffQuery,
        response: { 200: diffAnswerSchema, 404: errorSchema },
      },
    },
    async (request, reply) => {
      const sandbox = sandboxes.get(callerOf(request), request.params.id);
      const changes = await sandbox.diff({ ...request.query, signal: calls.signalOf(request, reply) });
      const rest = { ignored: [...changes.ignored], ignoredCount: changes.ignoredCount };
      return sendWithList(reply, 'changes', changes, rest);
    },
  );
}

function addUpload(app: App, { sandboxes, calls }: ServerContext): void {
  takeRawBodies(app);
  app.put(
    '/v1/sandboxes/:id/files',
    {
      config: { streams: true },
      schema: {
        tags,
        summary: 'Write a file from the body, once all of it has come',
        params: sandboxParams,
        querystring: writeQuery,
        consumes: [OCTETS],
        response: { 204: z.null(), 400: errorSchema, 404: errorSchema, 507: errorSchema },
      },
    },
    async (request, reply) => {
      const { path, ...options } = request.query;
      const { files } = sandboxes.get(callerOf(request), request.params.id);
      const content = (request.body ?? '') as Readable | string;
      await files.write(path, content, { ...options, signal: calls.signalOf(request, reply) });
      return reply.code(204).send(null);
    },
  );
}
