/** Turns the output of commands into events: live pieces, or the end of it once the command has ended. */

import { TaskAbortedError } from '../../base/errors.js';
import { withoutControls } from '../../base/harmless-text.js';
import type { ExecOptions } from '../../command/options.js';
import type { ExecResult } from '../../command/outcome.js';

/**
 * Events about the output of commands. `end` (default): the last 4 KiB of each channel when the command has ended; the
 * agent drops the rest inside the sandbox. `live`: each piece at once; all output then crosses the pipe. `none`: no events.
 */
export type OutputMode = 'end' | 'live' | 'none';

export type EmitOutput = (channel: 'stdout' | 'stderr', text: string, omittedBytes: number) => void;

const MAX_TEXT = 4096;

type AnyExecOptions = ExecOptions<never> & { encoding?: 'utf8' | 'buffer' };

/** Runs `exec` and passes its output to `emit`. The callbacks of the caller are still called. */
export async function tapped<R extends ExecResult<string | Uint8Array>>(
  mode: OutputMode,
  emit: EmitOutput,
  options: AnyExecOptions,
  exec: (options: AnyExecOptions) => Promise<R>,
): Promise<R> {
  if (mode === 'none') return exec(options);
  if (mode === 'live') {
    return exec({
      ...options,
      onStdout: live('stdout', emit, options.onStdout),
      onStderr: live('stderr', emit, options.onStderr),
    });
  }
  try {
    const result = await exec(options);
    tail(result, emit);
    return result;
  } catch (error) {
    if (error instanceof TaskAbortedError && error.partial) tail(error.partial as Partial<R>, emit);
    throw error;
  }
}

function live(channel: 'stdout' | 'stderr', emit: EmitOutput, callback: ((chunk: never) => unknown) | undefined) {
  // A character may be split between two chunks.
  const decoder = new TextDecoder();
  return (chunk: string | Uint8Array): unknown => {
    const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const shown = withoutControls(text.slice(-MAX_TEXT));
    if (shown) emit(channel, shown, Buffer.byteLength(text.slice(0, -MAX_TEXT)));
    return callback?.(chunk as never);
  };
}

function tail(result: Partial<ExecResult<string | Uint8Array>>, emit: EmitOutput): void {
  for (const channel of ['stdout', 'stderr'] as const) {
    const content = result[channel];
    if (!content || content.length === 0) continue;
    const end = content.slice(-MAX_TEXT);
    const text = typeof end === 'string' ? end : new TextDecoder().decode(end);
    emit(channel, withoutControls(text), Math.max(0, (result[`${channel}Bytes`] ?? 0) - Buffer.byteLength(text)));
  }
}
