import type { Command } from 'commander';
import { type CliContext, globalOptions } from '../context.js';
import { addTournamentOptions, type TournamentFlags, tournament } from '../jobs/tournament.js';

/** Adds `ripcord tournament`. */
export function addTournament(program: Command, context: CliContext): void {
  const command = addTournamentOptions(program.command('tournament')).action(async (flags: TournamentFlags) => {
    context.exitCode = await tournament({ ...flags, ...globalOptions(command) }, context.interrupt);
  });
}
