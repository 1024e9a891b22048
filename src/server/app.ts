/** Assembles the server: the checks and handlers for every request, then the routes. */
import fastifySwagger from '@fastify/swagger';
import fastifyWebsocket from '@fastify/websocket';
import Fastify from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { RipcordError } from '../base/errors.js';
import { parseOptions } from '../base/parse-options.js';
import { toJson } from '../executor/describe.js';
import { WS_PROTOCOL } from '../http/auth.js';
import { discardRest } from '../http/discard-rest.js';
import { refusalOf } from '../http/error-status.js';
import { ConnectionLimit } from './connection-limit.js';
import type { App, ServerContext } from './context.js';
import { openApiInfo } from './openapi.js';
import { onRequestEnd } from './request-end.js';
import { addCommands } from './routes/commands.js';
import { addDashboard } from './routes/dashboard.js';
import { addDocs } from './routes/docs.js';
import { addEvents } from './routes/events.js';
import { addExec } from './routes/exec.js';
import { addFiles } from './routes/files.js';
import { addHealth } from './routes/health.js';
import { addImages } from './routes/images.js';
import { addPorts } from './routes/ports.js';
import { addRequests } from './routes/requests.js';
import { addSandboxes } from './routes/sandboxes.js';
import { addScope } from './routes/scope.js';
import { addTasks } from './routes/tasks.js';
import { addTree } from './routes/tree.js';
import { answerClientError, guardStalls } from './stall-guard.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True if the route needs no token. */
    open?: boolean;
    /** True if a secret in the path replaces the token. */
    preview?: boolean;
  }
}

const SAFE_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

export async function createApp(context: ServerContext): Promise<App> {
  const { patience } = context.options;
  const app = Fastify({
    bodyLimit: patience.maxBodyBytes,
    // Limit of the longest transfer. The stall guard ends a request that stops in the middle.
    requestTimeout: 3_600_000,
    keepAliveTimeout: 30_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    exposeHeadRoutes: false,
    trustProxy: false,
    routerOptions: { maxParamLength: 128 },
    http: { headersTimeout: patience.headersMs, connectionsCheckingInterval: Math.min(1000, patience.headersMs) },
    clientErrorHandler: answerClientError,
    logger: false,
  }) as unknown as App;
  const connections = new ConnectionLimit(app.server, patience.maxConnections);
  guardStalls(app, patience);
  app.setValidatorCompiler(({ schema, httpPart }) => (data) => {
    try {
      return { value: parseOptions(schema as unknown as z.ZodType, data, httpPart ?? 'request') };
    } catch (error) {
      return { error: error as Error };
    }
  });
  // The result of a task contains values that the functions of its spec returned. They may not be JSON.
  app.setSerializerCompiler(() => (data) => toJson(data));
  // Refuse plain text: a page of another origin can send it without a CORS preflight.
  app.removeContentTypeParser('text/plain');
  addHooks(app, context, connections);
  app.setErrorHandler((error, request, reply) => {
    const { status, document, unforeseen } = refusalOf(error);
    if (unforeseen) {
      context.logger.error({ err: error, route: request.routeOptions.url, request: request.id }, 'a request failed');
    }
    if (reply.raw.headersSent) return reply.raw.destroy();
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    // Fastify closes the connection with the refusal of a body: the client could lose the answer.
    reply.removeHeader('connection');
    discardRest(request.raw);
    return reply.code(status).type('application/json').send(document);
  });
  app.setNotFoundHandler((_, reply) => {
    const { status, document } = refusalOf(
      new RipcordError('not-found', 'This route does not exist; /docs lists the routes'),
    );
    return reply.code(status).send(document);
  });
  await app.register(fastifySwagger, { openapi: openApiInfo(), transform: jsonSchemaTransform });
  await app.register(fastifyWebsocket, {
    options: {
      maxPayload: patience.maxBodyBytes,
      clientTracking: true,
      perMessageDeflate: false,
      // Never echo the token, which the client may send as a second protocol.
      handleProtocols: (protocols) => (protocols.has(WS_PROTOCOL) ? WS_PROTOCOL : false),
    },
  });
  for (const add of [
    addHealth,
    addDocs,
    addDashboard,
    addImages,
    addRequests,
    addSandboxes,
    addExec,
    addCommands,
    addFiles,
    addTree,
    addPorts,
    addEvents,
    addTasks,
  ]) {
    addScope(app, (scope) => add(scope, context));
  }
  await app.ready();
  return app;
}

function addHooks(app: App, context: ServerContext, connections: ConnectionLimit): void {
  app.decorateRequest('principal', undefined);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SAFE_HEADERS);
    const { config } = request.routeOptions;
    context.guards.check(request.raw, config.preview);
    if (config.open) return;
    request.principal = config.preview
      ? context.previews.find((request.params as { secret: string }).secret).principal
      : context.tokens.authenticate(request.raw);
    connections.trust(request.raw.socket);
    if (context.draining()) throw new RipcordError('draining', 'The server is stopping and does not start new work');
    if (request.raw.headers.upgrade === undefined) {
      onRequestEnd(request, reply, context.quotas.take(request.principal, 'requests'));
    } else request.raw.socket.once('close', context.quotas.take(request.principal, 'sockets'));
  });
  app.addHook('onResponse', (request, reply, done) => {
    const { method } = request;
    const route = request.routeOptions.url ?? '(none)';
    context.metrics.answered(method, route, reply.statusCode, reply.elapsedTime);
    context.logger.debug(
      { request: request.id, method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'answered',
    );
    done();
  });
}
