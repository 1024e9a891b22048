/** Route for the images of sandboxes. */
import { z } from 'zod';
import { imageSchema } from '../../wire/sandboxes.js';
import type { App, ServerContext } from '../context.js';

export function addImages(app: App, { manager }: ServerContext): void {
  app.get(
    '/v1/images',
    {
      schema: {
        tags: ['server'],
        summary: "List Ripcord's own images and their state in the engine",
        response: { 200: z.array(imageSchema) },
      },
    },
    async () =>
      (await manager.images()).map(({ name, tag, description, state, sizeBytes, createdAt }) => ({
        name,
        tag,
        description,
        state,
        sizeBytes,
        createdAt: createdAt?.toISOString(),
      })),
  );
}
