/** Routes for files: content as streams in both directions, the rest as JSON. */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { errorSchema } from '../../wire/errors.js';
import { bytesSchema, sandboxParams } from '../../wire/fields.js';
import {
  diffAnswerSchema,
  diffQuery,
  fileSchema,
  listQuery,
  makeDirBody,
  readQuery,
  removeQuery,
  renameBody,
  statQuery,
  writeQuery,
} from '../../wire/files.js';
import type { App, ServerContext } from '../context.js';
import { sendList, sendWithList } from '../json-list.js';
import { addScope, filesOf, takeRawBodies } from './scope.js';

const tags = ['files'];
const OCTETS = 'application/octet-stream';

export function addFiles(app: App, context: ServerContext): void {
  const called = filesOf(context);
  addScope(app, (scope) => addUpload(scope, called));
  app.get(
    '/v1/sandboxes/:id/files',
    {
      exposeHeadRoute: true,
      schema: {
        tags,
        summary: 'Read the content of a file',
        params: sandboxParams,
        querystring: readQuery,
        produces: [OCTETS],
        response: { 200: bytesSchema, 404: errorSchema },
      },
    },
    async (request, reply) => {
      const { files, signal } = called(request, reply);
      const { path, ...options } = request.query;
      const content = await files.readStream(path, { ...options, signal });
      const isHead = request.method === 'HEAD';
      if (isHead) content.destroy();
      // Send it as a download: a file of a sandbox must not be shown as a page of this origin.
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
        summary: 'Remove a file or directory',
        params: sandboxParams,
        querystring: removeQuery,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { path, ...options } = request.query;
      const { files, signal } = called(request, reply);
      await files.remove(path, { ...options, signal });
      return reply.code(204).send(null);
    },
  );
  app.get(
    '/v1/sandboxes/:id/files/list',
    {
      schema: {
        tags,
        summary: 'List a directory',
        params: sandboxParams,
        querystring: listQuery,
        response: { 200: z.array(fileSchema), 404: errorSchema },
      },
    },
    async (request, reply) => {
      const { path, ...options } = request.query;
      const { files, signal } = called(request, reply);
      const listed = await files.list(path, { ...options, signal });
      return sendList(reply, listed);
    },
  );
  app.get(
    '/v1/sandboxes/:id/files/stat',
    {
      schema: {
        tags,
        summary: 'Get the type, size, mode and times of a path',
        params: sandboxParams,
        querystring: statQuery,
        response: { 200: fileSchema, 404: errorSchema },
      },
    },
    async (request, reply) => {
      const { path, ...options } = request.query;
      const { files, signal } = called(request, reply);
      return files.stat(path, { ...options, signal });
    },
  );
  app.post(
    '/v1/sandboxes/:id/files/mkdir',
    {
      schema: {
        tags,
        summary: 'Create a directory',
        params: sandboxParams,
        body: makeDirBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { path, ...options } = request.body;
      const { files, signal } = called(request, reply);
      await files.makeDir(path, { ...options, signal });
      return reply.code(204).send(null);
    },
  );
  app.post(
    '/v1/sandboxes/:id/files/rename',
    {
      schema: {
        tags,
        summary: 'Rename a file or directory',
        params: sandboxParams,
        body: renameBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { from, to, ...options } = request.body;
      const { files, signal } = called(request, reply);
      await files.rename(from, to, { ...options, signal });
      return reply.code(204).send(null);
    },
  );
  app.get(
    '/v1/sandboxes/:id/files/diff',
    {
      schema: {
        tags,
        summary: 'List the changes in the workspace',
        params: sandboxParams,
        querystring: diffQuery,
        response: { 200: diffAnswerSchema, 404: errorSchema },
      },
    },
    async (request, reply) => {
      const { files, signal } = called(request, reply);
      const changes = await files.diff({ ...request.query, signal });
      const rest = { ignored: [...changes.ignored], ignoredCount: changes.ignoredCount };
      return sendWithList(reply, 'changes', changes, rest);
    },
  );
}

function addUpload(app: App, called: ReturnType<typeof filesOf>): void {
  takeRawBodies(app);
  app.put(
    '/v1/sandboxes/:id/files',
    {
      config: { streams: true },
      schema: {
        tags,
        summary: 'Write a file from the body, once the whole body has arrived',
        params: sandboxParams,
        querystring: writeQuery,
        consumes: [OCTETS],
        response: { 204: z.null(), 400: errorSchema, 404: errorSchema, 507: errorSchema },
      },
    },
    async (request, reply) => {
      const { path, ...options } = request.query;
      const { files, signal } = called(request, reply);
      const content = (request.body ?? '') as Readable | string;
      await files.write(path, content, { ...options, signal });
      return reply.code(204).send(null);
    },
  );
}
