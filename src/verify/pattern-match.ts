/** Matches patterns against what a program printed, in a thread: the program can choose a text that takes them hours. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** Patterns that do not backtrack need some milliseconds for the longest output that is kept. */
export const MAX_MATCH_MS = 10_000;

const PROGRAM = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ pattern, text }) => parentPort.postMessage(pattern.test(text)));
`;

export class PatternMatch implements AsyncDisposable {
  #worker: Worker | undefined;

  /**
   * Whether `pattern` is found in `text`; `undefined` when that is not known after `limitMs`. One question at a time.
   * @throws the reason of `signal`
   */
  async test(
    pattern: RegExp,
    text: string,
    limitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<boolean | undefined> {
    this.#worker ??= new Worker(PROGRAM, { eval: true });
    const limit = AbortSignal.timeout(limitMs);
    try {
      this.#worker.postMessage({ pattern: new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')), text });
      const [found] = await once(this.#worker, 'message', {
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
      });
      return found as boolean;
    } catch (error) {
      // It goes on matching: only its end stops it.
      await this[Symbol.asyncDispose]();
      signal?.throwIfAborted();
      if (limit.aborted) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }
}
