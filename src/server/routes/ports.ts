/** Routes to ports inside a sandbox: HTTP and WebSockets through a reverse proxy, other protocols through a tunnel. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { RipcordError } from '../../base/errors.js';
import { refusalOf } from '../../http/error-status.js';
import { OPAQUE_ORIGIN } from '../../http/guards.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { errorSchema } from '../../wire/errors.js';
import { SANDBOX_ID, sandboxParams } from '../../wire/fields.js';
import { portParams, previewBody, previewSchema, proxyParams } from '../../wire/ports.js';
import { callerOf } from '../call.js';
import type { App, ServerContext } from '../context.js';
import { ownFields, preflightFields } from '../ports/headers.js';
import { type Forwarded, forwardRequest, forwardUpgrade } from '../ports/proxy.js';
import { tunnelSession } from '../ws/tunnel-session.js';
import { addScope, takeRawBodies } from './scope.js';

const PROXIED = new RegExp(`^(/v1/sandboxes/${SANDBOX_ID.source}/ports/\\d{1,5})(/.*)$`);
const PREVIEWED = /^(\/p\/[A-Za-z0-9_-]+)(\/.*)$/;
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

interface Proxied {
  sandbox: Sandbox;
  forwarded: Omit<Forwarded, 'signal'>;
}

export function addPorts(app: App, context: ServerContext): void {
  const { sandboxes, previews } = context;
  app.get('/v1/sandboxes/:id/tunnel/:port', { websocket: true, schema: { params: portParams } }, (socket, request) =>
    tunnelSession(socket, request, context),
  );
  app.post(
    '/v1/sandboxes/:id/previews',
    {
      schema: {
        tags: ['ports'],
        summary: 'Get an address of a port for a browser, with a secret in its path; it ends with the sandbox',
        params: sandboxParams,
        body: previewBody,
        response: { 201: previewSchema, 400: errorSchema, 404: errorSchema, 429: errorSchema },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request);
      const { id } = sandboxes.get(caller, request.params.id);
      const { port, path } = previews.open(caller, id, request.body.port);
      return reply.code(201).header('cache-control', 'no-store').send({ port, path });
    },
  );
  addWithoutSlash(app, '/v1/sandboxes/:id/ports/:port', false);
  addWithoutSlash(app, '/p/:secret', true);
  addProxy(app, context, '/v1/sandboxes/:id/ports/:port/*', false, (request) => {
    const { id, port } = request.params as z.output<typeof proxyParams>;
    checkLeadsIn(request);
    const [prefix, target] = split(PROXIED, request);
    return { sandbox: sandboxes.get(callerOf(request), id), forwarded: { port, prefix, target, preview: false } };
  });
  addProxy(app, context, '/p/:secret/*', true, (request) => {
    const { principal, sandbox, port } = previews.find((request.params as { secret: string }).secret);
    const [prefix, target] = split(PREVIEWED, request);
    return { sandbox: sandboxes.get(principal, sandbox), forwarded: { port, prefix, target, preview: true } };
  });
}

/** Redirects an address without its last slash to the one with it, so that relative links of the page work. */
function addWithoutSlash(app: App, url: string, preview: boolean): void {
  app.route({
    method: ['GET', 'HEAD'],
    url,
    config: { preview },
    schema: { hide: true, ...(!preview && { params: portParams }) },
    handler: (request, reply) => {
      const whole = request.raw.url!.replace(/\?|$/, '/$&');
      return reply.header('cache-control', 'no-store').redirect(whole, 308);
    },
  });
}

function addProxy(
  app: App,
  context: ServerContext,
  url: string,
  preview: boolean,
  find: (request: FastifyRequest) => Proxied,
): void {
  addScope(app, (scope) => {
    takeRawBodies(scope);
    // Pass an upgrade on unchanged, before the WebSocket plugin answers it.
    scope.addHook('preHandler', async (request, reply) => {
      if (request.raw.headers.upgrade === undefined) return;
      await upgrade(request, reply, find(request));
      return reply;
    });
    scope.route({
      method: METHODS,
      url,
      config: { streams: true, preview },
      schema: { hide: true, ...(!preview && { params: proxyParams }) },
      handler: async (request, reply) => {
        refuseWorkers(request);
        const { sandbox, forwarded } = find(request);
        if (preview && isPreflight(request)) return reply.code(204).headers(preflightFields(request.headers)).send();
        if (!preview && isOpenedByHand(request)) return toPreview(request, reply, context, sandbox, forwarded);
        const signal = context.calls.signalOf(request, reply);
        reply.hijack();
        try {
          await forwardRequest(sandbox, request.raw, reply.raw, { ...forwarded, signal });
        } catch (error) {
          refuse(context, request, reply, error, preview);
        }
      },
    });
  });
}

/** Refuses requests for service workers: one from a sandbox could keep answering requests to this origin. */
function refuseWorkers({ raw: { headers } }: FastifyRequest): void {
  if (headers['service-worker'] !== undefined || headers['sec-fetch-dest'] === 'serviceworker') {
    throw new RipcordError('forbidden', 'Service workers cannot be loaded from a sandbox');
  }
}

/** Refuses navigations from other origins: links and forms of a page in another sandbox could reach this sandbox. */
function checkLeadsIn({ raw: { headers } }: FastifyRequest): void {
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') {
    throw new RipcordError('origin-refused', 'Pages of another origin may not lead into a sandbox', {
      hint: 'Open the address by itself, or a preview: POST /v1/sandboxes/<id>/previews.',
    });
  }
}

/** Splits the URL into the prefix of this server and the part for the server inside, which stays exactly as received. */
function split(pattern: RegExp, { raw: { url } }: FastifyRequest): [prefix: string, target: string] {
  const match = pattern.exec(url ?? '');
  if (!match) throw new RipcordError('malformed', 'The path of a port is /v1/sandboxes/<id>/ports/<port>/<path>');
  return [match[1]!, match[2]!];
}

const isPreflight = ({ raw: { method, headers } }: FastifyRequest): boolean =>
  method === 'OPTIONS' && headers.origin === OPAQUE_ORIGIN && 'access-control-request-method' in headers;

/** Returns true if a person typed the address or followed a link of the dashboard. A page of a sandbox cannot cause these headers. */
function isOpenedByHand({ raw: { method, headers } }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  const isPage = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return method === 'GET' && isPage && (site === 'none' || site === 'same-origin');
}

/** Redirects to a preview, in which the links of the page work, too. */
function toPreview(
  request: FastifyRequest,
  reply: FastifyReply,
  { previews }: ServerContext,
  sandbox: Sandbox,
  { port, target }: Proxied['forwarded'],
): FastifyReply {
  const { path } = previews.open(callerOf(request), sandbox.id, port);
  return reply
    .code(302)
    .headers({ location: path + target.slice(1), 'cache-control': 'no-store' })
    .send();
}

function refuse(
  { logger }: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
  preview: boolean,
): void {
  const { raw } = reply;
  const { status, document, unforeseen } = refusalOf(error);
  if (raw.headersSent) return void raw.destroy();
  if (unforeseen) {
    logger.error({ err: error, route: request.routeOptions.url, request: request.id }, 'a request to a port failed');
  }
  const own = ownFields({ preview, origin: request.raw.headers.origin });
  raw.writeHead(status, { ...own, 'content-type': 'application/json', connection: 'close' });
  raw.end(JSON.stringify(document));
}

async function upgrade(request: FastifyRequest, reply: FastifyReply, { sandbox, forwarded }: Proxied): Promise<void> {
  const { socket } = request.raw;
  const gone = new AbortController();
  socket.once('close', () => gone.abort(new Error('the client went away')));
  reply.hijack();
  reply.raw.detachSocket(socket);
  try {
    await forwardUpgrade(sandbox, request.raw, { ...forwarded, signal: gone.signal });
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
