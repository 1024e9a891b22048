import type { Command } from 'commander';
import { catalogImages } from '../../images/catalog.js';
import type { ImageStatus } from '../../images/image-status.js';
import { buildImages, withImages } from '../build-images.js';
import { type CliContext, globalOptions } from '../context.js';
import { examples } from '../help.js';
import { formatAge, formatBytes, formatMs } from '../terminal/format.js';
import { paint } from '../terminal/paint.js';
import { table } from '../terminal/table.js';

/** Adds `ripcord images`, which builds and lists the images of sandboxes. */
export function addImages(program: Command, context: CliContext): void {
  const images = program
    .command('images')
    .summary('build and list the sandbox images')
    .description(
      "Builds and lists Ripcord's own images: python, node, shell, agent (Python, Node and tools), and base, the parent of all.",
    )
    .addHelpText(
      'after',
      examples([
        ['ripcord images list', 'all images, and whether they are up to date'],
        ['ripcord images build', 'build the images that are missing or out of date'],
      ]),
    );
  addList(images, context);
  addBuild(images, context);
}

function addList(images: Command, context: CliContext): void {
  const command = images
    .command('list')
    .summary('list the images')
    .description('Lists the images, their state in the engine, and their content.')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord images list', 'all images'],
        ["ripcord images list --json | jq '.[].manifest.contents'", 'all packages inside, with versions'],
      ]),
    )
    .action(async ({ json }: { json?: boolean }) => {
      const statuses = await withImages(globalOptions(command), (images) => images.list());
      process.stdout.write(json ? `${JSON.stringify(statuses)}\n` : render(statuses));
      context.exitCode = 0;
    });
}

function addBuild(images: Command, context: CliContext): void {
  const command = images
    .command('build')
    .summary('build the images that are missing or out of date')
    .description(
      'Builds images with the engine, parents first. An image is built only if it is missing or its files changed.',
    )
    .argument(
      '[name...]',
      `images to build: ${catalogImages()
        .map(({ name }) => name)
        .join(', ')} (default: all)`,
    )
    .option('--force', 'build even if nothing changed, for instance to get security updates')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord images build', 'all of them'],
        ['ripcord images build python --force', 'python anew, with the latest packages'],
      ]),
    )
    .action(async (names: string[], flags: { force?: boolean; json?: boolean }) => {
      const startedAt = performance.now();
      const wanted = names.length > 0 ? names : catalogImages().map(({ name }) => name);
      const built = await buildImages(wanted, flags.force === true, globalOptions(command), context);
      const durationMs = Math.round(performance.now() - startedAt);
      if (flags.json) process.stdout.write(`${JSON.stringify({ built, durationMs })}\n`);
      else if (built.length === 0) process.stdout.write(`Up to date: ${wanted.join(', ')}\n`);
      else process.stdout.write(`Built ${built.join(', ')} in ${formatMs(durationMs)}\n`);
      context.exitCode = 0;
    });
}

function render(statuses: readonly ImageStatus[]): string {
  const { green, red, yellow } = paint(process.stdout);
  const colour = { ready: green, missing: red, stale: yellow };
  const rows = statuses.map(({ name, state, sizeBytes, createdAt, description }) => [
    name,
    colour[state](state),
    sizeBytes === undefined ? '–' : formatBytes(sizeBytes),
    createdAt === undefined ? '–' : formatAge(Date.now() - createdAt.getTime()),
    description,
  ]);
  const list = table(
    [
      { title: 'IMAGE' },
      { title: 'STATE' },
      { title: 'SIZE', align: 'right' },
      { title: 'AGE', align: 'right' },
      { title: 'CONTENT' },
    ],
    rows,
  );
  const unready = statuses.filter(({ state }) => state !== 'ready').map(({ name }) => name);
  return unready.length === 0 ? list : `${list}\nTo build: ripcord images build ${unready.join(' ')}\n`;
}
