import type { Command } from 'commander';
import { safeLine } from '../../base/harmless-text.js';
import type { KeptItem } from '../../cleanup/sweep.js';
import { SandboxManager } from '../../sandbox/sandbox-manager.js';
import { type CliContext, globalOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { note } from '../failure.js';
import { examples } from '../help.js';
import { plural } from '../terminal/format.js';

/** Adds `ripcord sweep`, which removes the leftovers of dead owners. */
export function addSweep(program: Command, context: CliContext): void {
  const command = program
    .command('sweep')
    .summary('remove the leftovers of dead processes')
    .description(
      'Removes containers, volumes and temp directories whose owner is dead, e.g. after a power cut or a reboot. ' +
        'It never touches those of a live owner. Every start of Ripcord does the same.',
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord sweep', 'clean up now'],
        ['@reboot ripcord sweep', 'in a crontab'],
      ]),
    )
    .action(async ({ json }: { json?: boolean }) => {
      const { docker } = globalOptions(command);
      const report = await SandboxManager.sweep({ docker, signal: context.interrupt.signal });
      const { containers, volumes, directories, images } = report.removed;
      if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
      else {
        for (const name of [...containers, ...volumes, ...directories, ...images])
          process.stdout.write(`removed ${safeLine(name)}\n`);
        const counts = [
          plural(containers.length, 'container'),
          plural(volumes.length, 'volume'),
          directories.length === 1 ? '1 directory' : `${directories.length} directories`,
          ...(images.length > 0 ? [plural(images.length, 'image')] : []),
        ];
        for (const item of report.keptItems) process.stdout.write(`kept ${keptLine(item)}\n`);
        process.stdout.write(
          `${counts.join(', ')} removed; ${report.kept} kept, whose owners are alive or cannot be checked\n`,
        );
        for (const error of report.errors) note(error);
      }
      context.exitCode = report.errors.length > 0 ? ExitCode.FAILED : ExitCode.OK;
    });
}

function keptLine({ kind, name, ownerState, owner }: KeptItem): string {
  const who = owner ? `its owner, pid ${owner.pid} on ${safeLine(owner.host, 50)},` : 'its owner';
  return `${kind} ${safeLine(name)}: ${who} ${ownerState === 'alive' ? 'is alive' : 'cannot be checked'}`;
}
