import { WorkMeter } from './work-meter.js';

/** Maximum number of concurrent file operations. libuv has four threads; the others keep its queue filled. */
export const FILE_CONCURRENCY = 16;
/** Steps counted for an item in addition to `work`; see work-meter.ts. */
const ITEM = 2000;

/**
 * Runs `work` for every item, `FILE_CONCURRENCY` at a time, and checks `signal` before each. It yields to the event
 * loop even if `work` never waits. After a failure no further item starts; when this rejects, none is running.
 */
export async function forEachLimited<T>(
  items: Iterable<T>,
  signal: AbortSignal | undefined,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  const meter = new WorkMeter();
  let failed = false;
  let failure: unknown;
  const worker = async () => {
    try {
      for (let next = queue.next(); !failed && !next.done; next = queue.next()) {
        signal?.throwIfAborted();
        if (meter.spend(ITEM)) await meter.rest();
        await work(next.value);
      }
    } catch (error) {
      if (!failed) failure = error;
      failed = true;
    }
  };
  await Promise.all(Array.from({ length: FILE_CONCURRENCY }, worker));
  if (failed) throw failure;
}

/** Runs work concurrently behind a sequential reader, bounded by its count and by the bytes it holds. */
export class InFlight {
  private readonly running = new Set<Promise<void>>();
  private bytes = 0;
  private failure: { error: unknown } | undefined;

  constructor(private readonly maxBytes: number) {}

  /** Waits for room, then starts `work`. Rejects with the first failure of earlier work. */
  async start(bytes: number, work: () => Promise<void>): Promise<void> {
    while (this.running.size >= FILE_CONCURRENCY || (this.bytes + bytes > this.maxBytes && this.running.size > 0)) {
      await Promise.race(this.running);
    }
    this.throwIfFailed();
    this.bytes += bytes;
    const task: Promise<void> = work()
      .catch((error: unknown) => {
        this.failure ??= { error };
      })
      .finally(() => {
        this.bytes -= bytes;
        this.running.delete(task);
      });
    this.running.add(task);
  }

  /** Waits until all work has ended. Never rejects. */
  async settle(): Promise<void> {
    await Promise.all(this.running);
  }

  /** Waits until all work has ended. Rejects with the first failure. */
  async drain(): Promise<void> {
    await this.settle();
    this.throwIfFailed();
  }

  private throwIfFailed(): void {
    if (this.failure) throw this.failure.error;
  }
}
