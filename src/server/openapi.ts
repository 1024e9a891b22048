/** Parts of the OpenAPI document besides the routes. */
import { packageVersion } from '../base/package-files.js';

export function openApiInfo() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ripcord',
      version: packageVersion(),
      description:
        'Runs untrusted code in Docker sandboxes, can stop it at any instant, and leaves nothing behind. ' +
        'Errors are `{ error: { code, message, hint?, details? } }`. WebSockets are described in docs/server.md.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: [
      { name: 'sandboxes', description: 'Create, list, extend and close sandboxes' },
      { name: 'commands', description: 'Run commands and code' },
      { name: 'files', description: 'Read and write files and whole trees' },
      { name: 'ports', description: 'Connect to ports inside a sandbox' },
      { name: 'tasks', description: 'Iteration runs of registered specs' },
      { name: 'server', description: 'The server itself' },
    ],
    components: {
      securitySchemes: {
        token: { type: 'http' as const, scheme: 'bearer', description: 'Not needed on the Unix socket' },
      },
    },
    security: [{ token: [] }],
  };
}
