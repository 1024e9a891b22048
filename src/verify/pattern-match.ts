/**
 * Matches patterns against a program's output in a worker thread, because a program can choose output that takes hours
 * to match.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** Time limit. Patterns that do not backtrack need a few milliseconds for the longest kept output. */
export const MAX_MATCH_MS = 10_000;

const PROGRAM = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ pattern, text }) => parentPort.postMessage(pattern.test(text)));
`;

export class PatternMatch implements AsyncDisposable {
  #worker: Worker | undefined;

  /**
   * Returns true if `pattern` matches in `text`; `undefined` if that is unknown after `limitMs`. Run one match at a
   * time.
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
      // The thread keeps matching: only terminating it stops it.
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
