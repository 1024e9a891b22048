/** Assembles the commands and turns errors into exit codes. */
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../base/package-files.js';
import type { CliContext } from './context.js';
import { ExitCode } from './exit-codes.js';
import { describeFailure, failureDocument } from './failure.js';
import { examples } from './help.js';
import { Interrupt } from './interrupt.js';

/** Loaders of the commands, in the order of the help. Only the needed command is loaded, because the server's modules load slowly. */
const COMMANDS: Record<string, () => Promise<(program: Command, context: CliContext) => void>> = {
  run: async () => (await import('./commands/run.js')).addRun,
  shell: async () => (await import('./commands/shell.js')).addShell,
  iterate: async () => (await import('./commands/iterate.js')).addIterate,
  mcp: async () => (await import('./commands/mcp.js')).addMcp,
  serve: async () => (await import('./commands/serve.js')).addServe,
  diff: async () => (await import('./commands/diff.js')).addDiff,
  apply: async () => (await import('./commands/apply.js')).addApply,
  ps: async () => (await import('./commands/ps.js')).addPs,
  rm: async () => (await import('./commands/rm.js')).addRm,
  sweep: async () => (await import('./commands/sweep.js')).addSweep,
  images: async () => (await import('./commands/images.js')).addImages,
  setup: async () => (await import('./commands/setup.js')).addSetup,
  doctor: async () => (await import('./commands/doctor.js')).addDoctor,
  humaneval: async () => (await import('./commands/humaneval.js')).addHumaneval,
  tournament: async () => (await import('./commands/tournament.js')).addTournament,
};

/** Returns the command that `argv` names. If it names no known command, returns all, for the help and for the suggestion after a typo. */
function namesIn(argv: readonly string[]): string[] {
  if (argv[0] === '-V' || argv[0] === '--version') return [];
  const word = argv.find((one, at) => !one.startsWith('-') && argv[at - 1] !== '--docker');
  return word !== undefined && Object.hasOwn(COMMANDS, word) ? [word] : Object.keys(COMMANDS);
}

/**
 * Runs the command line.
 * @param argv Arguments without the interpreter and the script.
 * @returns the exit code
 */
export async function runCli(argv: readonly string[]): Promise<number> {
  using interrupt = new Interrupt();
  const context: CliContext = { interrupt, exitCode: 0 };
  const program = await createProgram(context, argv);
  if (argv.length === 0) {
    process.stdout.write(program.helpInformation() + OVERVIEW);
    return 0;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    // commander has printed its message already. Help and version are not failures.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ExitCode.RIPCORD;
    if (interrupt.exitCode !== undefined) return interrupt.exitCode;
    if (argv.includes('--json')) process.stdout.write(`${JSON.stringify(failureDocument(error))}\n`);
    process.stderr.write(describeFailure(error));
    return ExitCode.RIPCORD;
  }
}

/**
 * Creates the program with its commands.
 * @param argv Arguments. Only the command that they name is loaded; all commands if they name no command.
 */
export async function createProgram(context: CliContext, argv: readonly string[] = []): Promise<Command> {
  const program = new Command('ripcord')
    .description('Runs untrusted code in Docker sandboxes, can stop it at any instant, and leaves nothing behind.')
    .usage('[options] <command>')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .option(
      '--docker <url>',
      'address of the engine, as in DOCKER_HOST (default: the engine that the docker command uses)',
    )
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'ripcord: ')) })
    .showHelpAfterError('(ripcord --help explains, ripcord <command> --help shows examples)');
  for (const name of namesIn(argv)) (await COMMANDS[name]!())(program, context);
  return program.addHelpText('after', OVERVIEW);
}

const OVERVIEW = `${examples([
  ['ripcord setup', 'check the engine, build the Python image, try a sandbox'],
  ["ripcord run -c 'print(6 * 7)'", 'run a line of Python'],
  ['ripcord run script.py --timeout 10s', 'run a file, stop it after ten seconds'],
  ['ripcord shell', 'look around in a sandbox yourself'],
])}
Exit codes of run and shell: the program's own, or
  124 timed out    125 Ripcord itself failed    126 not executable    127 not found
  130 Ctrl+C       137 out of memory            143 SIGTERM           128+n ended by signal n
`;
