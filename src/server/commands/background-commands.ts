/** Commands of one sandbox that run while nobody is connected: their state, and the head and tail of their output. */
import { randomUUID } from 'node:crypto';
import { finished } from 'node:stream/promises';
import { within } from '../../base/abort.js';
import { RipcordError } from '../../base/errors.js';
import type { CommandHandle } from '../../command/command-handle.js';
import type { SpawnOptions } from '../../command/options.js';
import type { CommandResult } from '../../command/outcome.js';
import { OutputBuffer } from '../../command/output-buffer.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { OutputPiece } from '../../wire/channels.js';
import type { CommandDocument } from '../../wire/commands.js';
import { News } from '../news.js';

/** Kept of each channel. */
const KEPT_BYTES = 256 * 1024;
/** For the last of the output to come when the command has ended. */
const OUTPUT_END_MS = 1000;
const CHANNELS = ['stdout', 'stderr'] as const;

interface Background {
  id: string;
  command: CommandDocument['command'];
  startedAt: Date;
  handle: CommandHandle;
  stdout: OutputBuffer;
  stderr: OutputBuffer;
  result: CommandResult | undefined;
  ended: Promise<void>;
  over: boolean;
  /** For those that follow its output: there is more, or its end. */
  news: News;
}

export class BackgroundCommands {
  readonly #sandbox: Sandbox;
  readonly #max: number;
  readonly #commands = new Map<string, Background>();
  #starting = 0;

  constructor(sandbox: Sandbox, max: number) {
    this.#sandbox = sandbox;
    this.#max = max;
  }

  /** @throws RipcordError `quota`; what `sandbox.spawn()` throws */
  async spawn(command: CommandDocument['command'], options: SpawnOptions): Promise<CommandDocument> {
    this.#forget();
    if (this.#commands.size + this.#starting >= this.#max) {
      throw new RipcordError('quota', `This sandbox has ${this.#max} commands in the background, the most it may have`);
    }
    this.#starting++;
    try {
      const handle = await this.#sandbox.spawn(command, { ...options, stdin: 'ignore' });
      const background: Background = {
        id: randomUUID().slice(0, 8),
        command,
        startedAt: new Date(),
        handle,
        stdout: new OutputBuffer(KEPT_BYTES),
        stderr: new OutputBuffer(KEPT_BYTES),
        result: undefined,
        ended: Promise.resolve(),
        over: false,
        news: new News(),
      };
      for (const channel of CHANNELS) {
        handle[channel].on('data', (chunk: Buffer) => {
          background[channel].push(chunk);
          background.news.tell();
        });
      }
      const told = Promise.allSettled(CHANNELS.map((channel) => finished(handle[channel])));
      background.ended = handle
        .wait()
        .then(
          async (result) => {
            await within(told, OUTPUT_END_MS);
            background.result = result;
          },
          () => {},
        )
        .finally(() => {
          background.over = true;
          background.news.tell();
        });
      this.#commands.set(background.id, background);
      return describe(background);
    } finally {
      this.#starting--;
    }
  }

  list(): CommandDocument[] {
    return [...this.#commands.values()].map(describe);
  }

  /** @param waitMs How long to wait for its end. */
  async get(id: string, waitMs = 0): Promise<CommandDocument> {
    const background = this.#find(id);
    if (waitMs > 0) await within(background.ended, waitMs);
    return describe(background);
  }

  /**
   * What is kept of its output, then what comes, until its end or until `signal` fires. A slow reader does not make the
   * command wait: what was dropped meanwhile is counted as missing.
   */
  async *follow(id: string, signal: AbortSignal): AsyncGenerator<OutputPiece, CommandResult | undefined> {
    const background = this.#find(id);
    const at = { stdout: 0, stderr: 0 };
    for (;;) {
      const last = background.over;
      let quiet = true;
      for (const channel of CHANNELS) {
        const { missing, bytes } = background[channel].since(at[channel]);
        at[channel] += missing + bytes.length;
        if (missing + bytes.length > 0) quiet = false;
        if (missing > 0) yield { channel, missing };
        if (bytes.length > 0) yield { channel, bytes };
      }
      if (signal.aborted || (quiet && last)) return background.result;
      if (quiet) await background.news.next(signal);
    }
  }

  /** Resolves when its whole tree is dead; with a signal's name, when that is sent. */
  async kill(id: string, signal: string | undefined): Promise<CommandDocument> {
    const background = this.#find(id);
    await background.handle.kill(signal);
    if (signal === undefined) await background.ended;
    return describe(background);
  }

  #find(id: string): Background {
    const found = this.#commands.get(id);
    if (!found) throw new RipcordError('not-found', `There is no command ${id} in this sandbox`);
    return found;
  }

  /** Ended ones make room, the oldest first. */
  #forget(): void {
    for (const [id, { result }] of this.#commands) {
      if (this.#commands.size < this.#max) return;
      if (result) this.#commands.delete(id);
    }
  }
}

function describe({ id, command, startedAt, handle, stdout, stderr, result }: Background): CommandDocument {
  return {
    id,
    ...(handle.pid !== undefined && { pid: handle.pid }),
    command,
    startedAt: startedAt.toISOString(),
    running: result === undefined,
    ...(result && { result }),
    stdout: stdout.text(),
    stderr: stderr.text(),
    truncated: stdout.truncated || stderr.truncated,
  };
}
