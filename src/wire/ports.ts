/** Ports inside a sandbox. */
import { z } from 'zod';
import { port } from '../base/option-fields.js';
import { sandboxParams } from './fields.js';

export const portParams = sandboxParams.extend({ port: z.coerce.number().int().min(1).max(65_535) });
export const proxyParams = portParams.extend({ '*': z.string() });
export const previewBody = z.strictObject({ port });
export const previewSchema = z.strictObject({
  port: z.number().int(),
  path: z.string().describe('For a browser, below the address of the server. Whoever knows it may use the port'),
});
export type PreviewDocument = z.output<typeof previewSchema>;
