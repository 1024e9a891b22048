/** Options of `sandbox.ports`. */
import { z } from 'zod';
import { milliseconds, port, signalSchema, text } from '../base/option-fields.js';

/** `sandbox.ports.connect()` */
export const portSchema = z.strictObject({ port, signal: signalSchema.optional() });

/** `sandbox.ports.waitFor()` */
export const waitForPortSchema = portSchema.extend({
  /** Default 30 s. */
  timeoutMs: milliseconds.default(30_000),
});

/** `sandbox.ports.forward()` */
export const forwardSchema = portSchema.extend({
  /** The address of this machine to listen on. Default `127.0.0.1`: whoever reaches it reaches the sandbox. */
  host: text.min(1).default('127.0.0.1'),
  /** Default: any that is free. */
  localPort: z.number().int().min(0).max(65_535).default(0),
  /** Further connections are refused. Each takes two of the sandbox's processes. Default 64. */
  maxConnections: z.number().int().min(1).max(10_000).default(64),
});

export type PortOptions = Omit<z.input<typeof portSchema>, 'port'>;
export type WaitForPortOptions = Omit<z.input<typeof waitForPortSchema>, 'port'>;
export type ForwardOptions = Omit<z.input<typeof forwardSchema>, 'port'>;
