/** Helpers for routes: a part of the app with its own parsers and hooks, and the sandbox that a path names. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SandboxFiles } from '../../files/sandbox-files.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { callerOf } from '../call.js';
import type { App, ServerContext } from '../context.js';

export function addScope(app: App, add: (scope: App) => unknown): void {
  void app.register((scope, _options, done) => {
    Promise.resolve(add(scope as unknown as App)).then(() => done(), done);
  });
}

/** Makes the bodies in this scope streams of bytes: they are not parsed, and no limit on their length applies. */
export function takeRawBodies(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
}

/** @throws RipcordError `not-found`, also for a sandbox of another caller; SandboxLostError for one that has ended */
export const sandboxOf = (
  { sandboxes }: ServerContext,
  request: FastifyRequest & { params: { id: string } },
): Sandbox => sandboxes.get(callerOf(request), request.params.id);

/** Returns the arguments of a file operation: the files of the sandbox that the path names, and the signal of the request. */
export const filesOf =
  (context: ServerContext) =>
  (request: Parameters<typeof sandboxOf>[1], reply: FastifyReply): { files: SandboxFiles; signal: AbortSignal } => {
    const { files } = sandboxOf(context, request);
    return { files, signal: context.calls.signalOf(request, reply) };
  };
