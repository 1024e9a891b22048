import type { Command } from 'commander';
import { InvalidOptionsError } from '../../base/errors.js';
import { parseSize } from '../../base/option-fields.js';
import { sandboxPath } from '../../sandbox/home-path.js';
import { type CliContext, globalOptions } from '../context.js';
import { exitCodeOf, explainResult } from '../exit-codes.js';
import { note } from '../failure.js';
import { examples } from '../help.js';
import { noteSaved, noteSeed, saveChanges } from '../sandbox/changes.js';
import { createSandbox } from '../sandbox/create.js';
import { describeDenied } from '../sandbox/egress.js';
import { addSandboxFlags, allowance, createOptions, pickOut, type SandboxFlags } from '../sandbox/options.js';
import { openPorts } from '../sandbox/ports.js';
import { withManager } from '../session.js';
import { connectTerminal, screenSize } from '../terminal/raw-terminal.js';

/** Adds `ripcord shell`, which opens a terminal in a fresh sandbox. */
export function addShell(program: Command, context: CliContext): void {
  const command = program
    .command('shell')
    .summary('open a terminal in a fresh sandbox')
    .description(
      'Opens a shell in a fresh sandbox; when it ends, everything is removed. Ctrl+C goes to the program inside. ' +
        'Ctrl+] three times within a second ends the sandbox by force.',
    )
    .argument('[command...]', 'command to run on the terminal instead of a shell');
  addSandboxFlags(command)
    .addHelpText(
      'after',
      examples([
        ['ripcord shell', 'bash with git, curl, jq and other tools'],
        ['ripcord shell --image python -- python3', 'a Python prompt'],
        ['ripcord shell --seed . --out result', 'on a copy of this directory; changed files go to result/'],
      ]),
    )
    .action(async (argv: string[], flags: SandboxFlags) => {
      context.exitCode = await shell(argv, flags, command, context);
    });
}

/** Starts bash if the image has it, else sh. */
const ANY_SHELL = 'command -v bash >/dev/null 2>&1 && exec bash; exec sh';

async function shell(argv: readonly string[], flags: SandboxFlags, command: Command, context: CliContext) {
  const { interrupt } = context;
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY) {
    throw new InvalidOptionsError('shell: stdin and stdout must be a terminal', {
      hint: "For scripts there is ripcord run: echo 'ls -la' | ripcord run - --lang bash",
    });
  }
  const { signal } = interrupt;
  const end = await withManager(globalOptions(command), interrupt, async (manager) => {
    const options = createOptions(flags, 'shell', signal);
    await using sandbox = await createSandbox(manager, options, flags.build, globalOptions(command), context);
    noteSeed(sandbox.seedReport);
    await openPorts(sandbox, flags.port, signal);
    note(`sandbox ${sandbox.id} of ${sandbox.image}; exit or Ctrl+D ends it, Ctrl+] three times does so by force`);
    const terminal = await sandbox.spawn(argv.length > 0 ? argv : ANY_SHELL, {
      pty: screenSize(),
      env: process.env.TERM ? { TERM: process.env.TERM } : {},
      cwd: flags.cwd && sandboxPath(sandbox, flags.cwd),
      killGraceMs: 200,
      signal,
    });
    const result = await connectTerminal(terminal);
    const changes =
      flags.out === undefined
        ? undefined
        : await saveChanges(sandbox, flags.out, { ...allowance(flags), ...pickOut(flags), signal });
    return { result, changes, egress: sandbox.egress?.log };
  });
  if (interrupt.exitCode !== undefined) return interrupt.exitCode;
  if (!end.value) return 0;
  const { result, changes, egress } = end.value;
  const reason = explainResult(result, { memoryBytes: parseSize(flags.memory ?? '512m') });
  if (reason) note(reason);
  for (const line of describeDenied(egress)) note(line);
  if (changes) noteSaved(changes, flags.out!);
  return exitCodeOf(result);
}
