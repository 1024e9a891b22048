import type { Command } from 'commander';
import { safeLine } from '../../base/harmless-text.js';
import { parseSize } from '../../base/option-fields.js';
import { INTERPRETERS } from '../../command/languages.js';
import type { ExecOptions } from '../../command/options.js';
import type { ExecResult } from '../../command/outcome.js';
import { missedNetwork } from '../../egress/offline.js';
import type { EgressRecord } from '../../egress/proxy.js';
import { hostPath, sandboxPath } from '../../sandbox/home-path.js';
import { type CliContext, globalOptions } from '../context.js';
import { exitCodeOf, explainResult } from '../exit-codes.js';
import { note } from '../failure.js';
import { examples } from '../help.js';
import { parseDuration } from '../parse.js';
import { noteSaved, noteSeed, type SavedChanges, saveChanges } from '../sandbox/changes.js';
import { createSandbox } from '../sandbox/create.js';
import { describeDenied } from '../sandbox/egress.js';
import { missedHere, ranOutOfRoom } from '../sandbox/hints.js';
import { addSandboxFlags, allowance, createOptions, pickOut, type SandboxFlags } from '../sandbox/options.js';
import { openPorts } from '../sandbox/ports.js';
import { runProgram } from '../sandbox/run-program.js';
import { type ProgramSource, readSource, type SourceFlags } from '../sandbox/source.js';
import { withManager } from '../session.js';
import { ProgramOutput } from '../terminal/output.js';

interface RunFlags extends SandboxFlags, SourceFlags {
  timeout?: number;
  stdin: boolean;
  raw?: boolean;
  json?: boolean;
}

/** Adds `ripcord run`, which runs one program in a fresh sandbox. */
export function addRun(program: Command, context: CliContext): void {
  const command = program
    .command('run')
    .summary('run a program in a fresh sandbox')
    .description(
      'Runs a program in a fresh sandbox: no network, no files of this machine, limited memory, CPU and processes. ' +
        'Its output is shown live, its exit code is passed on, and everything is removed when it ends.',
    )
    .argument('[file]', 'program to run; - reads it from stdin')
    .argument('[args...]', 'arguments of the program; after -- they may begin with a dash')
    .option('-c, --code <code>', 'run this text instead of a file')
    .option(
      '-l, --lang <language>',
      'language: python, javascript, typescript or bash (default: by extension or #! line)',
    )
    .option(
      '-t, --timeout <time>',
      'time limit of the program: 500ms, 10s, 2m …; a bare number is seconds (default: none)',
      parseDuration,
    );
  addSandboxFlags(command)
    .option('--no-stdin', 'give the program no input, e.g. in a shell loop that reads a list from stdin')
    .option('--raw', 'pass control sequences to the terminal unchanged; pipes and files always get the exact bytes')
    .option('--json', 'print one JSON document at the end, which includes the output')
    .addHelpText(
      'after',
      examples([
        ["ripcord run -c 'print(6 * 7)'", 'a line of Python'],
        ['ripcord run job.py --timeout 10s -- --fast in.csv', 'with arguments, stopped after ten seconds'],
        ['ripcord run build.sh --seed . --out result', 'on a copy of this directory; changed files go to result/'],
        ['ripcord run server.py -p 8080:8000', 'a server without network, at http://127.0.0.1:8080'],
        ['ripcord run fetch.py --allow api.example.com', 'this host can be reached, through a proxy; nothing else can'],
        ['curl -s https://example.com/x.js | ripcord run - -l js', 'a downloaded program, without network access'],
      ]),
    )
    .action(async (file: string | undefined, args: string[], flags: RunFlags) => {
      // If -c is given, the program has no file: the first word is an argument of the program.
      const [target, rest] =
        flags.code === undefined
          ? [file && hostPath(file), args]
          : [undefined, file === undefined ? [] : [file, ...args]];
      context.exitCode = await run(target, rest, flags, command, context);
    });
}

async function run(
  file: string | undefined,
  args: readonly string[],
  flags: RunFlags,
  command: Command,
  context: CliContext,
): Promise<number> {
  const { interrupt } = context;
  const { signal } = interrupt;
  const source = await readSource(file, flags, signal);
  const stdout = new ProgramOutput(process.stdout, flags.raw === true);
  const stderr = new ProgramOutput(process.stderr, flags.raw === true);
  const streams: ExecOptions<Uint8Array> = flags.json ? {} : { onStdout: stdout.write, onStderr: stderr.write };
  const end = await withManager(globalOptions(command), interrupt, async (manager) => {
    const image = INTERPRETERS[source.language ?? 'bash'].image;
    const options = createOptions(flags, image, signal);
    await using sandbox = await createSandbox(manager, options, flags.build, globalOptions(command), context);
    noteSeed(sandbox.seedReport);
    await openPorts(sandbox, flags.port, signal);
    const result = await runProgram(sandbox, source, args, {
      ...streams,
      cwd: flags.cwd && sandboxPath(sandbox, flags.cwd),
      timeoutMs: flags.timeout,
      stdin: flags.stdin && !source.fromStdin ? process.stdin : undefined,
      encoding: 'buffer',
      signal,
    });
    const changes = flags.out === undefined ? undefined : await save(sandbox, flags, source, signal);
    return { sandbox: sandbox.id, image: sandbox.image, result, changes, egress: sandbox.egress?.log };
  });

  const code = interrupt.exitCode ?? (end.value ? exitCodeOf(end.value.result) : 0);
  if (flags.json) {
    const document = { ...describe(end.value), interrupted: interrupt.cause, exit: code, receipt: end.receipt };
    process.stdout.write(`${JSON.stringify(document)}\n`);
  }
  const partial = process.stderr.isTTY && (!stderr.atLineStart || (process.stdout.isTTY && !stdout.atLineStart));
  const say = (text: string) => {
    if (partial) process.stderr.write('\n');
    note(text);
  };
  if (interrupt.cause !== undefined) {
    if (interrupt.cause !== 'SIGPIPE') say(`interrupted (${interrupt.cause}); the sandbox is gone`);
    return code;
  }
  const limits = { timeoutMs: flags.timeout, memoryBytes: parseSize(flags.memory ?? '512m') };
  if (end.value) for (const line of explanationsOf(end.value.result, flags, limits)) say(line);
  if (!flags.json) for (const line of describeDenied(end.value?.egress)) say(line);
  if (end.value?.changes && !flags.json) noteSaved(end.value.changes, flags.out!);
  return code;
}

function save(
  sandbox: Parameters<typeof saveChanges>[0],
  flags: RunFlags,
  source: ProgramSource,
  signal: AbortSignal,
): Promise<SavedChanges> {
  const { path, content, isExecutable } = source;
  const program = path === undefined ? undefined : { path, content, isExecutable };
  return saveChanges(sandbox, flags.out!, { ...allowance(flags), ...pickOut(flags), program, signal });
}

/** Returns lines that explain the end of the program, and name the flags that may help. */
function explanationsOf(
  result: ExecResult<Uint8Array>,
  flags: RunFlags,
  limits: Parameters<typeof explainResult>[1],
): string[] {
  const offline = missedNetworkOf(result, flags);
  const reason = offline ?? explainResult(result, limits);
  return [...(reason === undefined ? [] : [reason]), ...hintsFor(result, flags)];
}

const hasFailed = ({ outcome, exitCode }: ExecResult<Uint8Array>): boolean => outcome === 'exited' && exitCode !== 0;

/** Returns a line if the program failed without a network and tried to reach a host. */
function missedNetworkOf(result: ExecResult<Uint8Array>, { allow, network }: RunFlags): string | undefined {
  if (!hasFailed(result) || network === 'bridge' || allow?.length) return undefined;
  const missed = missedNetwork(result.stderr, result.stdout);
  return missed === undefined ? undefined : `no network: --allow ${missed || '<host>'} lets it reach that`;
}

/** Returns lines about files or space that a failed program lacked. */
function hintsFor(result: ExecResult<Uint8Array>, flags: RunFlags): string[] {
  const { stderr } = result;
  if (!hasFailed(result)) return [];
  const missed = flags.seed === undefined ? missedHere(stderr) : undefined;
  return [
    ...(missed === undefined
      ? []
      : [`${safeLine(missed)} is here and not in the sandbox: --seed . copies this directory into it`]),
    ...(ranOutOfRoom(stderr)
      ? ['the workspace, or another directory of the sandbox, is full: --memory raises its limit']
      : []),
  ];
}

interface Done {
  sandbox: string;
  image: string;
  result: ExecResult<Uint8Array>;
  changes: SavedChanges | undefined;
  egress: readonly EgressRecord[] | undefined;
}

function describe(done: Done | undefined): object {
  if (!done) return {};
  const { result, ...rest } = done;
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');
  return { ...rest, ...result, stdout: text(result.stdout), stderr: text(result.stderr) };
}
