/**
 * Compares texts line by line. Small texts are compared here, larger ones in a worker thread, so that they do not block
 * the event loop.
 */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { structuredPatch } from 'diff';

interface Hunk {
  oldStart: number;
  oldLines: number;
  newStart: number;
  newLines: number;
  lines: string[];
}

/**
 * Formats hunks as in a patch file. The function must not use anything outside itself, because its source is sent to
 * the worker thread.
 */
function textOf(hunks: readonly Hunk[]): string {
  // An empty range gives the number of the line before it.
  const range = (start: number, count: number) => {
    const from = count === 0 ? start - 1 : start;
    return count === 1 ? `${from}` : `${from},${count}`;
  };
  const texts = hunks.map(({ oldStart, oldLines, newStart, newLines, lines }) => {
    return [`@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@`, ...lines].join('\n');
  });
  return texts.join('\n');
}

/**
 * Comparing costs lines × differences. Above this number of differences, or after this time, it gives no result,
 * because text from a sandbox must not keep a processor busy.
 */
const MAX_EDITS = 4000;
const MAX_MS = 500;
/** Texts of this size with at most FEW_EDITS differences take a few milliseconds. */
const SMALL_CHARACTERS = 64 * 1024;
const FEW_EDITS = 50;

const PROGRAM = `
const { parentPort, workerData } = require('node:worker_threads');
const { structuredPatch } = require(workerData.library);
const textOf = ${textOf};
parentPort.on('message', ({ old, fresh, options }) => {
  const patch = structuredPatch('', '', old, fresh, '', '', options);
  parentPort.postMessage(patch && textOf(patch.hunks));
});
`;

export class LineDiff implements AsyncDisposable {
  #worker: Worker | undefined;

  /**
   * Returns the hunks as text, without a newline at the end. Resolves to `undefined` if the texts differ too much to be
   * compared. Run one comparison at a time.
   *
   * The thread returns a string, because copying one is fast. Cloning a list of a million lines would block this
   * thread.
   */
  async hunks(old: string, fresh: string, context: number): Promise<string | undefined> {
    if (old.length + fresh.length <= SMALL_CHARACTERS) {
      const patch = structuredPatch('', '', old, fresh, '', '', { context, maxEditLength: FEW_EDITS });
      if (patch) return textOf(patch.hunks);
    }
    this.#worker ??= new Worker(PROGRAM, {
      eval: true,
      workerData: { library: createRequire(import.meta.url).resolve('diff') },
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    this.#worker.postMessage({ old, fresh, options: { context, maxEditLength: MAX_EDITS, timeout: MAX_MS } });
    try {
      const [hunks] = (await once(this.#worker, 'message')) as [string | undefined];
      return hunks;
    } catch {
      // The worker thread ran out of memory (`resourceLimits`).
      await this[Symbol.asyncDispose]();
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }
}
