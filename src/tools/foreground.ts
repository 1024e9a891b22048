/** Runs the commands of `run_code` and `exec`, with their time limits, progress, pictures and report. */
import { posix } from 'node:path';
import { z } from 'zod';
import type { Language } from '../command/language-names.js';
import { INTERPRETERS } from '../command/languages.js';
import type { ExecOptions } from '../command/options.js';
import type { ExecResult } from '../command/outcome.js';
import { sandboxPath } from '../sandbox/home-path.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { type CommandOutput, reportCommand } from './command-report.js';
import type { ToolAnswer, ToolContext } from './define.js';
import { listPictures, newPictures } from './pictures.js';
import { ProgressReporter } from './progress.js';

export const sandboxField = z
  .string()
  .optional()
  .describe(
    "Id of a sandbox, from start_sandbox or list_sandboxes. Default: the session's own sandbox, made on first use.",
  );

export const pathField = z.string().min(1).describe('Relative to /workspace, or absolute; ~ is HOME.');

export const placeFields = {
  cwd: z
    .string()
    .min(1)
    .optional()
    .describe('Directory to run in, relative to /workspace; ~ is HOME. Default: /workspace.'),
  env: z.record(z.string(), z.string()).optional().describe('Environment variables to add.'),
};

export const foregroundFields = {
  ...placeFields,
  stdin: z.string().optional().describe('Text for its standard input. Default: nothing.'),
  timeout_seconds: z.number().positive().optional().describe('Kill it after this many seconds.'),
  sandbox_id: sandboxField,
};

interface ForegroundInput {
  cwd?: string;
  env?: Record<string, string>;
  stdin?: string;
  timeout_seconds?: number;
  sandbox_id?: string;
}

type Options = ExecOptions<Uint8Array> & { encoding: 'buffer' };

export function runForeground(
  input: ForegroundInput,
  { session, signal, onProgress }: ToolContext,
  run: (sandbox: Sandbox, options: Options) => Promise<ExecResult<Uint8Array>>,
  language?: Language,
): Promise<ToolAnswer<CommandOutput>> {
  return session.use({ id: input.sandbox_id, language, signal }, async (sandbox) => {
    const { timeoutMs: byDefault, maxTimeoutMs, maxKeptBytes } = session.options;
    const asked = input.timeout_seconds === undefined ? byDefault : Math.ceil(input.timeout_seconds * 1000);
    const timeoutMs = Math.min(asked, maxTimeoutMs);
    const cwd = posix.resolve(sandbox.workspace, sandboxPath(sandbox, input.cwd ?? '.'));
    const before = await listPictures(sandbox, cwd, signal);
    using progress = onProgress && new ProgressReporter(onProgress);
    const result = await run(sandbox, {
      cwd,
      env: input.env,
      stdin: input.stdin,
      timeoutMs,
      maxOutputBytes: maxKeptBytes,
      encoding: 'buffer',
      signal,
      // If no progress is reported, the agent drops surplus output in the sandbox.
      ...(progress && { onStdout: progress.take, onStderr: progress.take }),
    });
    const lost = result.outcome === 'sandbox-lost' || result.outcome === 'engine-lost';
    const pictures = lost ? { shown: [], others: [] } : await newPictures(sandbox, cwd, before, signal);
    const limited =
      asked > maxTimeoutMs && result.outcome === 'timeout'
        ? `The longest time limit allowed here is ${maxTimeoutMs / 1000} s.`
        : undefined;
    const notes = [session.takeNotice(), limited, language && otherImage(session, sandbox, result, language)];
    return reportCommand(session, { sandbox, result, timeoutMs, pictures, notes });
  });
}

/** Returns advice to use another image if this one does not have the language. */
function otherImage(
  { options }: ToolContext['session'],
  sandbox: Sandbox,
  result: ExecResult<Uint8Array>,
  language: Language,
): string | undefined {
  const { image } = INTERPRETERS[language];
  if (result.outcome !== 'spawn-failed' || !options.manager || !options.images.includes(image)) return undefined;
  return `The image ${sandbox.image} has no ${language}: call start_sandbox {"image":"${image}"} and give its sandbox_id.`;
}
