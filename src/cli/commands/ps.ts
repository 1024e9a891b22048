import type { Command } from 'commander';
import { safeLine } from '../../base/harmless-text.js';
import { type ListedSandbox, listSandboxes } from '../../cleanup/inventory.js';
import { type CliContext, globalOptions } from '../context.js';
import { withEngine } from '../engine.js';
import { examples } from '../help.js';
import { formatAge } from '../terminal/format.js';
import { paint } from '../terminal/paint.js';
import { table } from '../terminal/table.js';

/** Adds `ripcord ps`, which lists the sandboxes and their owners. */
export function addPs(program: Command, context: CliContext): void {
  const command = program
    .command('ps')
    .summary("list the engine's sandboxes and their owners")
    .description('Lists every sandbox of the engine with the process that owns it, and whether that process is alive.')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord ps', 'all sandboxes and their owners'],
        [
          'ripcord ps --json | jq -r \'.[] | select(.ownerState == "dead").id\'',
          'the sandboxes that ripcord sweep would remove',
        ],
      ]),
    )
    .action(async ({ json }: { json?: boolean }) => {
      const sandboxes = await withEngine(globalOptions(command), listSandboxes);
      process.stdout.write(json ? `${JSON.stringify(sandboxes)}\n` : render(sandboxes));
      context.exitCode = 0;
    });
}

function render(sandboxes: readonly ListedSandbox[]): string {
  if (sandboxes.length === 0) return 'No sandboxes.\n';
  const { green, red, yellow } = paint(process.stdout);
  const colour = { alive: green, dead: red, unknown: yellow };
  const rows = sandboxes.map(({ id, image, state, ageMs, owner, ownerState }) => [
    safeLine(id, 40),
    safeLine(image, 40),
    safeLine(state),
    formatAge(ageMs),
    owner ? safeLine(`pid ${owner.pid} on ${owner.host}`, 50) : '?',
    colour[ownerState](ownerState),
  ]);
  const columns = ['SANDBOX', 'IMAGE', 'STATE', 'AGE', 'OWNER', 'OWNER IS'].map((title) => ({ title }));
  return table(columns, rows);
}
