/** Commands of one sandbox that run without a connection: their state, and the head and tail of their output. */
import { randomUUID } from 'node:crypto';
import { within } from '../../base/abort.js';
import { RipcordError } from '../../base/errors.js';
import { CHANNELS, FollowedCommand } from '../../command/followed-command.js';
import type { SpawnOptions } from '../../command/options.js';
import type { CommandResult } from '../../command/outcome.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { OutputPiece } from '../../wire/channels.js';
import type { CommandDocument } from '../../wire/commands.js';

/** Bytes of output kept for each channel. */
const KEPT_BYTES = 256 * 1024;

interface Background {
  id: string;
  command: CommandDocument['command'];
  followed: FollowedCommand;
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

  /** @throws RipcordError `quota`; the errors of `sandbox.spawn()` */
  async spawn(command: CommandDocument['command'], options: SpawnOptions): Promise<CommandDocument> {
    this.#forget();
    if (this.#commands.size + this.#starting >= this.#max) {
      throw new RipcordError('quota', `This sandbox has ${this.#max} commands in the background, which is its maximum`);
    }
    this.#starting++;
    try {
      const handle = await this.#sandbox.spawn(command, { ...options, stdin: 'ignore' });
      const followed = new FollowedCommand(handle, KEPT_BYTES);
      const background = { id: randomUUID().slice(0, 8), command, followed };
      this.#commands.set(background.id, background);
      return describe(background);
    } finally {
      this.#starting--;
    }
  }

  list(): CommandDocument[] {
    return [...this.#commands.values()].map(describe);
  }

  /** @param waitMs Maximum time to wait for its end, in milliseconds. */
  async get(id: string, waitMs = 0): Promise<CommandDocument> {
    const background = this.#find(id);
    if (waitMs > 0) await within(background.followed.ended, waitMs);
    return describe(background);
  }

  /**
   * Yields the kept output of a command, then new output, until its end or until `signal` fires. A slow reader does not
   * block the command: output that was dropped meanwhile is counted as missing.
   */
  async *follow(id: string, signal: AbortSignal): AsyncGenerator<OutputPiece, CommandResult | undefined> {
    const { followed } = this.#find(id);
    const at = { stdout: 0, stderr: 0 };
    for (;;) {
      const last = followed.over;
      let quiet = true;
      for (const channel of CHANNELS) {
        const { bytes, offset, nextOffset } = followed[channel].read(at[channel]);
        const missing = offset - at[channel];
        if (nextOffset > at[channel]) quiet = false;
        at[channel] = nextOffset;
        if (missing > 0) yield { channel, missing };
        if (bytes.length > 0) yield { channel, bytes };
      }
      if (signal.aborted || (quiet && last)) return followed.result;
      if (quiet) await followed.changes.next(signal);
    }
  }

  /** Kills a command. Resolves when its process tree is dead. With the name of a signal, only sends that signal. */
  async kill(id: string, signal: string | undefined): Promise<CommandDocument> {
    const background = this.#find(id);
    await background.followed.handle.kill(signal);
    if (signal === undefined) await background.followed.ended;
    return describe(background);
  }

  #find(id: string): Background {
    const found = this.#commands.get(id);
    if (!found) throw new RipcordError('not-found', `There is no command ${id} in this sandbox`);
    return found;
  }

  /** Removes ended commands, the oldest first, until there is room for a new one. */
  #forget(): void {
    for (const [id, { followed }] of this.#commands) {
      if (this.#commands.size < this.#max) return;
      if (followed.over) this.#commands.delete(id);
    }
  }
}

function describe({ id, command, followed }: Background): CommandDocument {
  const { handle, startedAt, stdout, stderr, over } = followed;
  // The result is only in a document that also has the whole output.
  const result = over ? followed.result : undefined;
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
