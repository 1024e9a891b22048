/** The memory that this process retains after garbage collection. A busy machine does not change it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
export const collectGarbage: () => void = runInNewContext('gc');

const COLLECTIONS = 3;

/** Heap and buffers. */
export function holding(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * Measures {@link holding} after collections. V8 frees the memory of buffers in a thread of its own, and a collection waits until the
 * one before has finished there.
 */
export function retainedBytes(): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < COLLECTIONS; i++) {
    collectGarbage();
    least = Math.min(least, holding());
  }
  return least;
}
