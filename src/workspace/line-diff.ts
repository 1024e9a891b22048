/** Compares texts by lines: small ones here, the others in a thread of their own, where they do not block others. */
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { structuredPatch } from 'diff';

export interface Hunk {
  oldStart: number;
  oldLines: number;
  newStart: number;
  newLines: number;
  lines: string[];
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
parentPort.on('message', ({ old, fresh, options }) =>
  parentPort.postMessage(structuredPatch('', '', old, fresh, '', '', options)?.hunks));
`;

export class LineDiff implements AsyncDisposable {
  #worker: Worker | undefined;

  /** Resolves to `undefined` where the texts differ too much to be compared. One comparison at a time. */
  async hunks(old: string, fresh: string, context: number): Promise<Hunk[] | undefined> {
    if (old.length + fresh.length <= SMALL_CHARACTERS) {
      const patch = structuredPatch('', '', old, fresh, '', '', { context, maxEditLength: FEW_EDITS });
      if (patch) return patch.hunks;
    }
    this.#worker ??= new Worker(PROGRAM, {
      eval: true,
      workerData: { library: createRequire(import.meta.url).resolve('diff') },
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    this.#worker.postMessage({ old, fresh, options: { context, maxEditLength: MAX_EDITS, timeout: MAX_MS } });
    try {
      const [hunks] = (await once(this.#worker, 'message')) as [Hunk[] | undefined];
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
