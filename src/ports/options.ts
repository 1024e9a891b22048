/** Options of `sandbox.ports`. */
import { z } from 'zod';
import { milliseconds, port, signalSchema, text } from '../base/option-fields.js';

/** Options of `ports.connect()`. */
export interface PortOptions {
  /** Signal that aborts the call. For `ports.forward()` it also ends the forwarding later. */
  signal?: AbortSignal | undefined;
}

/** Options of `ports.waitFor()`. */
export interface WaitForPortOptions extends PortOptions {
  /**
   * Time limit in milliseconds. If nothing listens on the port by then, the call throws.
   * @default 30_000 (30 s)
   */
  timeoutMs?: number | undefined;
}

/** Options of `ports.forward()`. */
export interface ForwardOptions extends PortOptions {
  /**
   * Address of this machine to listen on. Everyone who can connect to it can connect to the sandbox.
   * @default '127.0.0.1'
   */
  host?: string | undefined;
  /**
   * Port of this machine to listen on. 0 chooses a free one.
   * @default 0
   */
  localPort?: number | undefined;
  /**
   * Maximum number of connections at once; further ones are refused. Each takes two of the sandbox's processes.
   * @default 64
   */
  maxConnections?: number | undefined;
}

/** `sandbox.ports.connect()`; like the others with the port, which is an argument of its own. */
export const portSchema = z.strictObject({ port, signal: signalSchema.optional() });

export const waitForPortSchema = portSchema.extend({ timeoutMs: milliseconds.default(30_000) });

export const forwardSchema = portSchema.extend({
  host: text.min(1).default('127.0.0.1'),
  localPort: z.number().int().min(0).max(65_535).default(0),
  maxConnections: z.number().int().min(1).max(10_000).default(64),
});
