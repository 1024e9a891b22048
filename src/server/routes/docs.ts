/** Routes for `/openapi.json` and for `/docs`, its HTML page, which is rendered here and needs no script and no outside file. */
import type { App } from '../context.js';
import { DOCS_CSS, renderDocs } from '../docs-page.js';

const CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function addDocs(app: App): void {
  const options = { config: { open: true }, schema: { hide: true }, exposeHeadRoute: true };
  app.get('/openapi.json', options, async (_request, reply) => reply.type('application/json').send(app.swagger()));
  app.get('/docs', options, async (_request, reply) =>
    reply.header('content-security-policy', CSP).type('text/html; charset=utf-8').send(renderDocs(app.swagger())),
  );
  app.get('/docs/style.css', options, async (_request, reply) =>
    reply.header('cache-control', 'no-cache').type('text/css; charset=utf-8').send(DOCS_CSS),
  );
}
