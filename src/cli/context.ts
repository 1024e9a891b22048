import type { Command } from 'commander';
import type { Interrupt } from './interrupt.js';

/** State that every command shares. */
export interface CliContext {
  readonly interrupt: Interrupt;
  /** Exit code of the process. The command sets it. */
  exitCode: number;
}

/** Options that every command takes. */
export interface GlobalOptions {
  docker?: string;
}

/** Returns the global options, whether they stand before or after the name of the command. */
export const globalOptions = (command: Command): GlobalOptions => ({
  docker: command.optsWithGlobals<GlobalOptions>().docker,
});
