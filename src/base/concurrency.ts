import { WorkMeter } from './work-meter.js';

/** How many file operations are under way at once; libuv has four threads, more only keeps its queue filled. */
export const FILE_CONCURRENCY = 16;
/** Steps that an item costs beside what `work` waits for; see work-meter.ts. */
const ITEM = 2000;

/**
 * Runs `work` for every item, `FILE_CONCURRENCY` at a time, checking `signal` before each. Other events have their turn
 * also where `work` waits for nothing. When one fails no further
 * one begins; by the time this rejects none is under way.
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

/** Work that goes on behind a sequential reader, bounded by count and by the bytes it holds. */
export class InFlight {
  private readonly running = new Set<Promise<void>>();
  private bytes = 0;
  private failure: { error: unknown } | undefined;

  constructor(private readonly maxBytes: number) {}

  /** Starts `work`, waiting for room first. Rejects with the first failure of what was started before. */
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

  /** Waits until nothing is under way; never rejects. */
  async settle(): Promise<void> {
    await Promise.all(this.running);
  }

  /** Waits until nothing is under way and rejects with the first failure. */
  async drain(): Promise<void> {
    await this.settle();
    this.throwIfFailed();
  }

  private throwIfFailed(): void {
    if (this.failure) throw this.failure.error;
  }
}
