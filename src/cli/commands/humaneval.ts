import type { Command } from 'commander';
import { type CliContext, globalOptions } from '../context.js';
import { addHumanevalOptions, humaneval } from '../jobs/humaneval.js';
import type { JobFlags } from '../jobs/options.js';

/** Adds `ripcord humaneval`. */
export function addHumaneval(program: Command, context: CliContext): void {
  const command = addHumanevalOptions(program.command('humaneval')).action(async (flags: JobFlags) => {
    context.exitCode = await humaneval({ ...flags, ...globalOptions(command) }, context.interrupt);
  });
}
