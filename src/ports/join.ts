/** Joins two connections. */
import type { Duplex, Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

/**
 * Copies bytes between two connections. Each direction ends on its own. Resolves when both have ended.
 * @throws the error that broke one of them; the other one is then destroyed as well
 */
export async function join(one: Duplex, other: Duplex): Promise<void> {
  await Promise.all([flow(one, other), flow(other, one)]);
}

/**
 * Copies one direction like `pipeline()`, with fewer listeners: two pipelines add eight 'close' listeners to each
 * connection, which together with the owner's exceed Node's default maximum.
 */
export async function flow(from: Readable, to: Writable): Promise<void> {
  from.pipe(to);
  try {
    await Promise.all([finished(from, { writable: false }), finished(to, { readable: false })]);
  } catch (error) {
    // Destroy without an error: the caller receives it from this promise.
    from.destroy();
    to.destroy();
    throw error;
  }
}
