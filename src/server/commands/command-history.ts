/** Keeps the last commands of one sandbox and their outcomes, regardless of how they were started. */
import type { CommandResult } from '../../command/outcome.js';
import type { LastCommand, PastCommand } from '../../wire/commands.js';

const MAX_COMMANDS = 100;
const MAX_ARGUMENTS = 16;
const MAX_ARGUMENT = 200;

export class CommandHistory {
  /** Commands by id, in the order in which they began. */
  readonly #commands = new Map<string, PastCommand>();

  started(id: string, argv: readonly string[], at: number): void {
    const words = argv.slice(0, MAX_ARGUMENTS).map(short);
    if (argv.length > MAX_ARGUMENTS) words.push('…');
    this.#commands.set(id, { id, argv: words, startedAt: at });
    if (this.#commands.size > MAX_COMMANDS) this.#forget();
  }

  /** @param result Undefined if the command was aborted or its pipe broke. */
  ended(id: string, result: CommandResult | undefined, at: number): void {
    const command = this.#commands.get(id);
    if (!command) return;
    command.endedAt = at;
    command.outcome = result?.outcome ?? 'aborted';
    if (!result) return;
    command.exitCode = result.exitCode;
    if (result.signal !== null) command.signal = result.signal;
  }

  /** Returns the commands, newest first. */
  list(): PastCommand[] {
    return [...this.#commands.values()].reverse();
  }

  /** Command that was started last. */
  get last(): LastCommand | undefined {
    const [command] = this.list();
    if (!command) return undefined;
    const { id: _, signal: __, ...last } = command;
    return last;
  }

  /** Removes the oldest ended command, so that running ones stay visible. If none has ended, removes the oldest. */
  #forget(): void {
    const commands = [...this.#commands.values()];
    const { id } = commands.find(({ endedAt }) => endedAt !== undefined) ?? commands[0]!;
    this.#commands.delete(id);
  }
}

const short = (argument: string): string =>
  argument.length > MAX_ARGUMENT ? `${argument.slice(0, MAX_ARGUMENT)}…` : argument;
