/** Puts the commands together and turns what goes wrong into an exit code. */
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../package-files.js';
import { addApply } from './commands/apply.js';
import { addDiff } from './commands/diff.js';
import { addDoctor } from './commands/doctor.js';
import { addHumaneval } from './commands/humaneval.js';
import { addImages } from './commands/images.js';
import { addIterate } from './commands/iterate.js';
import { addMcp } from './commands/mcp.js';
import { addPs } from './commands/ps.js';
import { addRm } from './commands/rm.js';
import { addRun } from './commands/run.js';
import { addServe } from './commands/serve.js';
import { addShell } from './commands/shell.js';
import { addSweep } from './commands/sweep.js';
import { addTournament } from './commands/tournament.js';
import type { CliContext } from './context.js';
import { ExitCode } from './exit-codes.js';
import { describeFailure, failureDocument } from './failure.js';
import { examples } from './help.js';
import { Interrupt } from './interrupt.js';

/**
 * Runs the command line.
 * @param argv Without the interpreter and the script.
 * @returns the exit code
 */
export async function runCli(argv: readonly string[]): Promise<number> {
  using interrupt = new Interrupt();
  const context: CliContext = { interrupt, exitCode: 0 };
  const program = createProgram(context);
  if (argv.length === 0) {
    process.stdout.write(program.helpInformation() + OVERVIEW);
    return 0;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return context.exitCode;
  } catch (error) {
    // Its message is out already; help and version are no failures.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ExitCode.RIPCORD;
    if (interrupt.exitCode !== undefined) return interrupt.exitCode;
    if (argv.includes('--json')) process.stdout.write(`${JSON.stringify(failureDocument(error))}\n`);
    process.stderr.write(describeFailure(error));
    return ExitCode.RIPCORD;
  }
}

export function createProgram(context: CliContext): Command {
  const program = new Command('ripcord')
    .description(
      'Runs code that nobody has read yet in Docker sandboxes, can stop it at any instant, and leaves nothing behind.',
    )
    .usage('[options] <command>')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .option('--docker <url>', 'the engine, as in DOCKER_HOST (default: as the docker command finds it)')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'ripcord: ')) })
    .showHelpAfterError('(ripcord --help explains, ripcord <command> --help shows examples)');
  addRun(program, context);
  addShell(program, context);
  addIterate(program, context);
  addMcp(program, context);
  addServe(program, context);
  addDiff(program, context);
  addApply(program, context);
  addPs(program, context);
  addRm(program, context);
  addSweep(program, context);
  addImages(program, context);
  addDoctor(program, context);
  addHumaneval(program, context);
  addTournament(program, context);
  return program.addHelpText('after', OVERVIEW);
}

const OVERVIEW = `${examples([
  ['ripcord doctor', 'is everything there, and what can this engine enforce?'],
  ["ripcord run -c 'print(6 * 7)'", 'run a line of Python'],
  ['ripcord run script.py --timeout 10s', 'run a file, stop it after ten seconds'],
  ['ripcord shell', 'look around in a sandbox yourself'],
])}
Exit codes of run and shell: the program's own, or
  124 timed out    125 Ripcord itself failed    126 not executable    127 not found
  130 Ctrl+C       137 out of memory            143 SIGTERM           128+n ended by signal n
`;
