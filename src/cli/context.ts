import type { Command } from 'commander';
import type { Interrupt } from './interrupt.js';

/** What every command shares. */
export interface CliContext {
  readonly interrupt: Interrupt;
  /** What the process ends with, set by the command. */
  exitCode: number;
}

/** Options that every command takes. */
export interface GlobalOptions {
  docker?: string;
}

/** The global options, wherever on the command line they stood. */
export const globalOptions = (command: Command): GlobalOptions => ({
  docker: command.optsWithGlobals<GlobalOptions>().docker,
});
