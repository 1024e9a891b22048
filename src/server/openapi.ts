/** What the OpenAPI document says besides the routes. */
import { packageVersion } from '../base/package-files.js';

export function openApiInfo() {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Ripcord',
      version: packageVersion(),
      description:
        'Runs code that nobody has read yet in Docker sandboxes, can stop it at any instant, and leaves nothing behind. ' +
        'Errors are `{ error: { code, message, hint?, details? } }`. WebSockets are described in docs/server.md.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: [
      { name: 'sandboxes', description: 'Make, list, prolong and end sandboxes' },
      { name: 'commands', description: 'Run commands and code' },
      { name: 'files', description: 'Read and write files and whole trees' },
      { name: 'ports', description: 'Reach what listens inside' },
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
