/** Routes for monitoring: `/healthz`, and `/metrics` for Prometheus. */
import { healthSchema } from '../../wire/sandboxes.js';
import type { App, ServerContext } from '../context.js';

export function addHealth(app: App, { metrics, draining, manager }: ServerContext): void {
  app.get(
    '/healthz',
    {
      config: { open: true },
      exposeHeadRoute: true,
      schema: {
        tags: ['server'],
        summary: 'Health of the server: 200, or 503 once it is stopping',
        security: [],
        response: {
          200: healthSchema('ok'),
          503: healthSchema('draining'),
        },
      },
    },
    async (_request, reply) => {
      const sandboxes = manager.list().length;
      if (draining()) return reply.code(503).send({ status: 'draining' as const, sandboxes });
      return reply.send({ status: 'ok' as const, sandboxes });
    },
  );
  app.get(
    '/metrics',
    {
      exposeHeadRoute: true,
      schema: { tags: ['server'], summary: 'Metrics in the Prometheus format', produces: ['text/plain'] },
    },
    async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}
