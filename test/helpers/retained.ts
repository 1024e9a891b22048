/** The memory that this process retains after garbage collection. A busy machine does not change it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
export const collectGarbage: () => void = runInNewContext('gc');

/** Heap and buffers. */
export function holding(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** {@link holding}, after a collection. */
export function retainedBytes(): number {
  collectGarbage();
  return holding();
}
