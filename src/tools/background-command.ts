/** A command in the background: it runs while the model makes other calls. */
import { RipcordError } from '../base/errors.js';
import type { CommandHandle } from '../command/command-handle.js';
import { FollowedCommand } from '../command/followed-command.js';
import type { Sandbox } from '../sandbox/sandbox.js';

export class BackgroundCommand extends FollowedCommand {
  /** Offsets in bytes up to which the model has read. */
  readonly cursor = { stdout: 0, stderr: 0 };

  constructor(
    readonly id: string,
    readonly sandbox: Sandbox,
    /** Command line as the model wrote it. */
    readonly line: string,
    handle: CommandHandle,
    maxKeptBytes: number,
  ) {
    super(handle, maxKeptBytes);
  }

  /** True if there is output that the model has not read. */
  get hasNews(): boolean {
    return this.stdout.totalBytes > this.cursor.stdout || this.stderr.totalBytes > this.cursor.stderr;
  }

  /** Resolves when there is news or the command has ended, at the latest after `ms` or when `signal` fires. */
  async news(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const limit = AbortSignal.any([AbortSignal.timeout(ms), ...(signal ? [signal] : [])]);
    while (this.running && !this.hasNews && !limit.aborted) await this.changes.next(limit);
  }
}

/**
 * Returns the command with an id.
 * @throws RipcordError `invalid-options` naming the existing commands
 */
export function findCommand(commands: ReadonlyMap<string, BackgroundCommand>, id: string): BackgroundCommand {
  const command = commands.get(id);
  if (command) return command;
  throw new RipcordError('invalid-options', `There is no command '${id}'`, {
    hint: commands.size > 0 ? `There are: ${[...commands.keys()].join(', ')}.` : 'No command was started.',
  });
}
