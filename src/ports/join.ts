/** Two connections made one. */
import type { Duplex, Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

/**
 * Joins two connections byte by byte; each direction ends by itself. Resolves when both have ended.
 * @throws what broke one of them; the other one is then destroyed, too
 */
export async function join(one: Duplex, other: Duplex): Promise<void> {
  await Promise.all([flow(one, other), flow(other, one)]);
}

/**
 * One direction, as `pipeline()` has it, with fewer listeners: two pipelines put eight for `close` on each connection,
 * which with those of its owner are more than Node takes for normal.
 */
export async function flow(from: Readable, to: Writable): Promise<void> {
  from.pipe(to);
  try {
    await Promise.all([finished(from, { writable: false }), finished(to, { readable: false })]);
  } catch (error) {
    // They emit no error of their own; our caller gets it.
    from.destroy();
    to.destroy();
    throw error;
  }
}
