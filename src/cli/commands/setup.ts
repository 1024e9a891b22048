import type { Command } from 'commander';
import type { Finding, Status } from '../../backends/finding.js';
import { type DoctorReport, examine } from '../../doctor/examine.js';
import { catalogImage, catalogImages, type ImageName } from '../../images/catalog.js';
import { buildImages } from '../build-images.js';
import { type CliContext, globalOptions } from '../context.js';
import { ExitCode } from '../exit-codes.js';
import { examples } from '../help.js';
import { FindingPrinter } from '../terminal/findings.js';
import { plural } from '../terminal/format.js';

/** Images that are built unless others are named. */
const DEFAULT_IMAGES = ['python'];

/** Adds `ripcord setup`, which prepares an engine and tries a first sandbox. */
export function addSetup(program: Command, context: CliContext): void {
  const command = program
    .command('setup')
    .summary('check the engine, build images, try a sandbox')
    .description(
      'Prepares an engine for Ripcord: checks that it answers and can enforce the limits, builds the images that are missing or ' +
        'out of date, and runs the checks of `ripcord doctor` in a sandbox of the first image. Running it again changes nothing. Exit code 1 if a check fails.',
    )
    .argument(
      '[image...]',
      `images to build: ${catalogImages()
        .map(({ name }) => name)
        .join(', ')} (default: ${DEFAULT_IMAGES.join(', ')})`,
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      examples([
        ['ripcord setup', 'the Python image'],
        ['ripcord setup python node', 'Python and Node.js'],
      ]),
    )
    .action(async (names: string[], { json = false }: { json?: boolean }) => {
      const images = (names.length > 0 ? names : DEFAULT_IMAGES).map((name) => catalogImage(name).name);
      const result = await setUp(images, command, context, json ? () => {} : printer());
      if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
      else if (result.ready) process.stdout.write(`\nReady. Try: ${FIRST_COMMANDS[images[0]!]}\n`);
      context.exitCode = context.interrupt.exitCode ?? (result.ready ? ExitCode.OK : ExitCode.FAILED);
    });
}

interface SetupResult {
  ready: boolean;
  images: ImageName[];
  /** Names of the images that were built, parents included. */
  built: string[];
  findings: Finding[];
}

type Print = (line: Pick<Finding, 'status' | 'message' | 'fix'>) => void;

async function setUp(images: ImageName[], command: Command, context: CliContext, print: Print): Promise<SetupResult> {
  const globals = globalOptions(command);
  const { signal } = context.interrupt;
  const engine = await examine({ ...globals, probe: false, signal });
  for (const finding of engine.findings) {
    if (finding.id === 'engine.reachable' || finding.status === 'fail') print(finding);
  }
  if (engine.status === 'fail') return notReady(images, engine);
  const built = await buildImages(images, false, globals, context);
  for (const image of images) {
    print({ status: 'ok', message: `image ${image}${built.includes(image) ? ', built' : ''}` });
  }
  const { findings } = await examine({ ...globals, image: images[0], signal });
  const count = (status: Status) => findings.filter((finding) => finding.status === status).length;
  for (const finding of findings) if (finding.status === 'fail') print(finding);
  const ready = count('fail') === 0 && !signal.aborted;
  if (ready) print({ status: 'ok', message: `a sandbox of it: ${plural(count('ok'), 'check')} passed` });
  if (ready && count('warn') > 0) {
    print({ status: 'warn', message: `${plural(count('warn'), 'warning')}: ripcord doctor explains them` });
  }
  return { ready, images, built, findings };
}

const notReady = (images: ImageName[], { findings }: DoctorReport): SetupResult => ({
  ready: false,
  images,
  built: [],
  findings,
});

function printer(): Print {
  const printer = new FindingPrinter();
  return (line) => printer.line(line);
}

/** First command to try for each image. */
const FIRST_COMMANDS: Record<ImageName, string> = {
  base: "ripcord run --image base -l sh -c 'echo $((6 * 7))'",
  python: "ripcord run -c 'print(6 * 7)'",
  node: "ripcord run --image node -c 'console.log(6 * 7)'",
  agent: "ripcord run --image agent -c 'print(6 * 7)'",
  shell: "ripcord run --image shell -c 'echo $((6 * 7))'",
};
