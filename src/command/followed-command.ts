/** A command whose output is kept, head and tail, for readers that come and go while it runs. */
import { finished } from 'node:stream/promises';
import { within } from '../base/abort.js';
import { messageOf } from '../base/errors.js';
import { News } from '../base/news.js';
import type { CommandHandle } from './command-handle.js';
import type { CommandResult } from './outcome.js';
import { OutputBuffer } from './output-buffer.js';

export const CHANNELS = ['stdout', 'stderr'] as const;
/** Longest wait for the last output after the end of the command. */
const LAST_OUTPUT_MS = 1000;

export class FollowedCommand {
  readonly startedAt = new Date();
  readonly stdout: OutputBuffer;
  readonly stderr: OutputBuffer;
  /** How the command ended; undefined while it runs. It can come before the last output. */
  result: CommandResult | undefined;
  /** The reason why the end is not known. */
  lost: string | undefined;
  /** True once the command has ended and its last output is here. */
  over = false;
  /** Resolves when `over` is true. Never rejects. */
  readonly ended: Promise<void>;
  /** Wakes readers at more output and at the end. */
  readonly changes = new News();

  constructor(
    readonly handle: CommandHandle,
    maxKeptBytes: number,
  ) {
    this.stdout = new OutputBuffer(maxKeptBytes);
    this.stderr = new OutputBuffer(maxKeptBytes);
    for (const channel of CHANNELS) {
      handle[channel].on('data', (chunk: Buffer) => {
        this[channel].push(chunk);
        this.changes.tell();
      });
      // The end of the command says why its output broke off.
      handle[channel].on('error', () => {});
    }
    this.ended = this.#end(Promise.allSettled(CHANNELS.map((channel) => finished(handle[channel]))));
  }

  get running(): boolean {
    return this.result === undefined && this.lost === undefined;
  }

  async #end(allOutput: Promise<unknown>): Promise<void> {
    try {
      this.result = await this.handle.wait();
    } catch (error) {
      this.lost = messageOf(error);
    }
    this.changes.tell();
    await within(allOutput, LAST_OUTPUT_MS);
    this.over = true;
    this.changes.tell();
  }
}
