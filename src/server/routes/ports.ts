/** What listens inside a sandbox: HTTP and WebSockets through a reverse proxy, anything else through a tunnel. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RipcordError } from '../../errors.js';
import { callerOf } from '../call.js';
import type { App, ServerContext } from '../context.js';
import { refusalOf } from '../error-status.js';
import { UNTRUSTED } from '../ports/headers.js';
import { type Forwarded, forwardRequest, forwardUpgrade } from '../ports/proxy.js';
import { SANDBOX_ID, sandboxParams } from '../schemas.js';
import { tunnelSession } from '../ws/tunnel-session.js';
import { addScope, takeRawBodies } from './scope.js';

const port = z.coerce.number().int().min(1).max(65_535);
const portParams = sandboxParams.extend({ port });
const proxyParams = portParams.extend({ '*': z.string() });
const PROXIED = new RegExp(`^(/v1/sandboxes/${SANDBOX_ID.source}/ports/\\d{1,5})(/.*)$`);
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

export function addPorts(app: App, context: ServerContext): void {
  const { sandboxes, calls } = context;
  app.get('/v1/sandboxes/:id/tunnel/:port', { websocket: true, schema: { params: portParams } }, (socket, request) =>
    tunnelSession(socket, request, context),
  );
  addScope(app, (scope) => {
    takeRawBodies(scope);
    // An upgrade is passed on as it is, before anybody here answers it.
    scope.addHook('preHandler', async (request, reply) => {
      if (request.raw.headers.upgrade === undefined) return;
      await upgrade(request, reply, context);
      return reply;
    });
    scope.route({
      method: METHODS,
      url: '/v1/sandboxes/:id/ports/:port/*',
      config: { streams: true },
      schema: { hide: true, params: proxyParams },
      handler: async (request, reply) => {
        const sandbox = sandboxes.get(callerOf(request), (request.params as z.output<typeof proxyParams>).id);
        const forwarded = { ...targetOf(request), signal: calls.signalOf(request, reply) };
        reply.hijack();
        try {
          await forwardRequest(sandbox, request.raw, reply.raw, forwarded);
        } catch (error) {
          refuse(reply, error);
        }
      },
    });
  });
}

/** The part of the URL that is for the server inside, exactly as the caller wrote it. */
function targetOf(request: FastifyRequest): Pick<Forwarded, 'port' | 'target' | 'prefix'> {
  const { headers, url } = request.raw;
  // A page from inside must not be able to leave something behind that answers for this origin.
  if (headers['service-worker'] !== undefined || headers['sec-fetch-dest'] === 'serviceworker') {
    throw new RipcordError('forbidden', 'No service worker is served from a sandbox');
  }
  // A page from another sandbox has an origin of its own; its links and forms would reach in here as navigations.
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') {
    throw new RipcordError('origin-refused', 'Pages of another origin may not lead into a sandbox', {
      hint: 'Open the address by itself.',
    });
  }
  const match = PROXIED.exec(url ?? '');
  if (!match) throw new RipcordError('malformed', 'The path of a port is /v1/sandboxes/<id>/ports/<port>/<path>');
  return { prefix: match[1]!, target: match[2]!, port: (request.params as z.output<typeof proxyParams>).port };
}

function refuse(reply: FastifyReply, error: unknown): void {
  const { raw } = reply;
  if (raw.headersSent) return void raw.destroy();
  const { status, document } = refusalOf(error);
  raw.writeHead(status, { ...UNTRUSTED, 'content-type': 'application/json', connection: 'close' });
  raw.end(JSON.stringify(document));
}

async function upgrade(request: FastifyRequest, reply: FastifyReply, { sandboxes }: ServerContext): Promise<void> {
  const { id } = request.params as z.output<typeof proxyParams>;
  const sandbox = sandboxes.get(callerOf(request), id);
  const target = targetOf(request);
  const { socket } = request.raw;
  const gone = new AbortController();
  socket.once('close', () => gone.abort(new Error('the client went away')));
  reply.hijack();
  reply.raw.detachSocket(socket);
  try {
    await forwardUpgrade(sandbox, request.raw, { ...target, signal: gone.signal });
  } catch (error) {
    if (!socket.writable || socket.bytesWritten > 0) return void socket.destroy();
    const { status, document } = refusalOf(error);
    const body = JSON.stringify(document);
    socket.end(
      `HTTP/1.1 ${status} ${document.error.code}\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
}
