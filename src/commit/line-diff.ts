/** Compares texts by lines: small ones here, the others in a thread of their own, where they do not block others. */
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

/** The text of hunks, as a patch has it. It has all it needs in itself: the thread gets its source. */
function textOf(hunks: readonly Hunk[]): string {
  // An empty range is named by the line before it.
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
 * Comparing costs lines × differences. With more differences than this, or after this time, it gives no result, because
 * text that a sandbox wrote must not keep a processor busy.
 */
const MAX_EDITS = 4000;
const MAX_MS = 500;
/** Texts of this size with so few differences take some milliseconds. */
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
   * The hunks as text, without a newline at the end. A string is soon taken over from the thread; a list of a million lines
   * would hold up this one.
   *
   * Resolves to `undefined` where the texts differ too much to be compared. One comparison at a time.
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
      // The thread ran out of memory.
      await this[Symbol.asyncDispose]();
      return undefined;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }
}
