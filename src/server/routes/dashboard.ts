/** Routes for the files of the dashboard. They are read once: there are few, and no part of a request becomes a path. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { packageFile } from '../../base/package-files.js';
import type { App, ServerContext } from '../context.js';

const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

/** Returns the directory of the dashboard's build; undefined if it was not built. */
export function dashboardDirectory(): string | undefined {
  const directory = packageFile('dist/dashboard/');
  return existsSync(path.join(directory, 'index.html')) ? directory : undefined;
}

export async function addDashboard(app: App, { options: { dashboard } }: ServerContext): Promise<void> {
  if (dashboard === undefined) return;
  for (const { url, type, content } of await readSite(dashboard)) {
    // Assets can be cached forever: their names contain a hash of their content.
    const cache = url.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
    app.route({
      method: ['GET', 'HEAD'],
      url,
      config: { open: true },
      schema: { hide: true },
      handler: async (_request, reply) =>
        reply.headers({ 'content-security-policy': CSP, 'cache-control': cache }).type(type).send(content),
    });
  }
}

/** Reads the files of the dashboard. `index.html` is served at `/`, all others at their relative path. */
async function readSite(directory: string): Promise<{ url: string; type: string; content: Buffer }[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = names.filter((entry) => entry.isFile() && TYPES[path.extname(entry.name)] !== undefined);
  return Promise.all(
    files.map(async ({ name, parentPath }) => {
      const file = path.join(parentPath, name);
      const relative = path.relative(directory, file).split(path.sep).map(encodeURIComponent).join('/');
      return {
        url: relative === 'index.html' ? '/' : `/${relative}`,
        type: TYPES[path.extname(name)]!,
        content: await readFile(file),
      };
    }),
  );
}
