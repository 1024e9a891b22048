import type { Command } from 'commander';
import { InvalidOptionsError, messageOf } from '../../base/errors.js';
import { type ListedSandbox, listSandboxes } from '../../cleanup/inventory.js';
import { type CliContext, globalOptions } from '../context.js';
import { withEngine } from '../engine.js';
import { ExitCode } from '../exit-codes.js';
import { note } from '../failure.js';
import { examples } from '../help.js';

interface RmFlags {
  all?: boolean;
  force?: boolean;
  json?: boolean;
}

interface RmReport {
  removed: string[];
  /** Sandboxes that were not removed, because their owner may still be using them. */
  kept: string[];
  errors: string[];
}

/** Adds `ripcord rm`, which removes sandboxes by name. */
export function addRm(program: Command, context: CliContext): void {
  const command = program
    .command('rm')
    .summary('remove sandboxes')
    .description(
      'Removes sandboxes and all processes in them. A sandbox whose owner is alive, or may be alive, is kept with a ' +
        'warning unless --force is given. After --force its owner sees the sandbox as lost.',
    )
    .argument('[id...]', 'ids of sandboxes, as ripcord ps lists them; a prefix that fits only one is enough')
    .option('--all', 'remove every sandbox of the engine')
    .option('-f, --force', 'remove sandboxes whose owner is alive, too')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord rm 3fa9c1', 'one sandbox'],
        ['ripcord rm --all', 'everything whose owner is dead'],
        ['ripcord rm --all --force', 'everything'],
      ]),
    )
    .action(async (ids: string[], flags: RmFlags) => {
      if (ids.length === 0 && !flags.all) {
        throw new InvalidOptionsError('rm: nothing to remove', {
          hint: 'Name sandboxes (ripcord ps lists them), or --all.',
        });
      }
      const report = await remove(ids, flags, command);
      if (flags.json) process.stdout.write(`${JSON.stringify(report)}\n`);
      else print(report);
      context.exitCode = report.kept.length + report.errors.length > 0 ? ExitCode.FAILED : ExitCode.OK;
    });
}

function remove(ids: readonly string[], flags: RmFlags, command: Command): Promise<RmReport> {
  return withEngine(globalOptions(command), async (backend) => {
    const report: RmReport = { removed: [], kept: [], errors: [] };
    const all = await listSandboxes(backend);
    const chosen = flags.all ? all : ids.flatMap((id) => select(all, id, report));
    await Promise.all(
      chosen.map(async (sandbox) => {
        if (!flags.force && sandbox.ownerState !== 'dead') {
          note(`${sandbox.id} is kept: ${reasonToKeep(sandbox)}; --force removes it anyway`);
          report.kept.push(sandbox.id);
          return;
        }
        try {
          await backend.remove(sandbox.container);
          report.removed.push(sandbox.id);
        } catch (error) {
          report.errors.push(`${sandbox.id}: ${messageOf(error)}`);
        }
      }),
    );
    return report;
  });
}

function select(all: readonly ListedSandbox[], id: string, report: RmReport): ListedSandbox[] {
  const found = all.filter((sandbox) =>
    [sandbox.id, sandbox.name, sandbox.container].some((name) => name.startsWith(id)),
  );
  if (found.length === 1) return found;
  report.errors.push(found.length === 0 ? `${id}: there is no such sandbox` : `${id}: fits ${found.length} sandboxes`);
  return [];
}

function reasonToKeep({ owner, ownerState }: ListedSandbox): string {
  if (ownerState === 'alive') return `its owner, pid ${owner?.pid}, is alive`;
  return owner ? `its owner is on ${owner.host}, which cannot be checked from here` : 'its owner is unknown';
}

function print({ removed, errors }: RmReport): void {
  for (const id of removed) process.stdout.write(`${id}\n`);
  for (const error of errors) note(error);
}
