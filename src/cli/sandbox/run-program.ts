/** Runs one program in a sandbox. */
import { posix } from 'node:path';
import { INTERPRETERS } from '../../command/languages.js';
import type { ExecOptions } from '../../command/options.js';
import type { ExecResult } from '../../command/outcome.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { ProgramSource } from './source.js';

type Options = ExecOptions<Uint8Array> & { encoding: 'buffer' };

/** Runs the program. A program with a file keeps its name, so that tracebacks and `argv[0]` show the user's own name. */
export async function runProgram(
  sandbox: Sandbox,
  source: ProgramSource,
  args: readonly string[],
  options: Options,
): Promise<ExecResult<Uint8Array>> {
  const { content, path, language, mode } = source;
  if (path === undefined) {
    return sandbox.runCode(String(content), { ...options, language, args: [...args] });
  }
  await sandbox.files.write(path, content, { mode, signal: options.signal });
  const file = posix.join(sandbox.workspace, path);
  if (language === undefined) return sandbox.exec([file, ...args], options);
  return sandbox.exec([...INTERPRETERS[language].argv(file), ...args], options);
}
