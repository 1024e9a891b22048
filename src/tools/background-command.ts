/** A command that runs while the model does something else. */
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { within } from '../base/abort.js';
import { RipcordError } from '../base/errors.js';
import type { CommandHandle } from '../command/command-handle.js';
import type { CommandResult } from '../command/outcome.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { KeptOutput } from './kept-output.js';

/** How long the last output may take to be read here after the command's end. */
const LAST_OUTPUT_MS = 1000;

export class BackgroundCommand {
  readonly stdout: KeptOutput;
  readonly stderr: KeptOutput;
  readonly cursor = { stdout: 0, stderr: 0 };
  readonly startedAt = Date.now();
  /** How it ended; `undefined` while it runs. */
  result: CommandResult | undefined;
  /** Why nothing is known of its end. */
  lost: string | undefined;
  readonly #waiting = new Set<() => void>();
  readonly #allRead: Promise<unknown>;

  constructor(
    readonly id: string,
    readonly sandbox: Sandbox,
    /** As the model wrote it. */
    readonly line: string,
    readonly handle: CommandHandle,
    maxKeptBytes: number,
  ) {
    this.stdout = this.#follow(handle.stdout, maxKeptBytes);
    this.stderr = this.#follow(handle.stderr, maxKeptBytes);
    this.#allRead = Promise.allSettled([finished(handle.stdout), finished(handle.stderr)]);
    handle.wait().then(
      (result) => this.#end(() => (this.result = result)),
      (error: Error) => this.#end(() => (this.lost = error.message)),
    );
  }

  get running(): boolean {
    return this.result === undefined && this.lost === undefined;
  }

  /** Whether there is output nobody has read. */
  get hasNews(): boolean {
    return this.stdout.totalBytes > this.cursor.stdout || this.stderr.totalBytes > this.cursor.stderr;
  }

  /** Resolves when there is news or it has ended, at the latest after `ms` or when `signal` fires. */
  async news(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const limit = AbortSignal.any([AbortSignal.timeout(ms), ...(signal ? [signal] : [])]);
    while (this.running && !this.hasNews && !limit.aborted) await this.#change(limit);
  }

  /** Waits for the last output of a command that has ended: the result can come before it. */
  async lastOutput(): Promise<void> {
    if (!this.running) await within(this.#allRead, LAST_OUTPUT_MS);
  }

  #change(limit: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        limit.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      limit.addEventListener('abort', wake);
      this.#waiting.add(wake);
    });
  }

  #follow(stream: Readable, maxKeptBytes: number): KeptOutput {
    const kept = new KeptOutput(maxKeptBytes);
    stream.on('data', (chunk: Buffer) => {
      kept.push(chunk);
      this.#wake();
    });
    // Why it broke off is told by how the command ended.
    stream.on('error', () => {});
    return kept;
  }

  #end(note: () => void): void {
    note();
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

/** @throws RipcordError `invalid-options` naming those there are */
export function findCommand(commands: ReadonlyMap<string, BackgroundCommand>, id: string): BackgroundCommand {
  const command = commands.get(id);
  if (command) return command;
  throw new RipcordError('invalid-options', `There is no command '${id}'`, {
    hint: commands.size > 0 ? `There are: ${[...commands.keys()].join(', ')}.` : 'There is none.',
  });
}
