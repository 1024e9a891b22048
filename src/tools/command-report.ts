/** Reports a command's end and output, as a value for programs and as text for models. */
import { z } from 'zod';
import { type CommandResult, type ExecResult, OUTCOMES } from '../command/outcome.js';
import { OutputBuffer } from '../command/output-buffer.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import type { ToolAnswer } from './define.js';
import { excerpt } from './excerpt.js';
import type { Picture } from './pictures.js';
import type { ToolSession } from './session.js';

export const outcomeFields = {
  outcome: z.enum(OUTCOMES).describe('how it ended; exited means by itself, whatever the exit code'),
  exit_code: z.number().int().nullable().describe('null unless it exited by itself'),
  signal: z.string().nullable().describe('the signal that ended it'),
};

export const commandOutput = z.strictObject({
  sandbox_id: z.string(),
  ...outcomeFields,
  stdout: z.string(),
  stderr: z.string(),
  truncated: z.boolean().describe('stdout or stderr is not all there was'),
  output_id: z.string().optional().describe('give it to read_output to read what was left out'),
  duration_ms: z.number(),
  note: z.string().optional(),
  pictures: z.array(z.string()).describe('picture files it made or changed'),
});

export type CommandOutput = z.input<typeof commandOutput>;

interface CommandFacts {
  sandbox: Sandbox;
  result: ExecResult<Uint8Array>;
  timeoutMs: number;
  pictures: { shown: readonly Picture[]; others: readonly string[] };
  notes: readonly (string | undefined)[];
}

export function reportCommand(session: ToolSession, facts: CommandFacts): ToolAnswer<CommandOutput> {
  const { sandbox, result, timeoutMs, pictures } = facts;
  const { maxAnswerBytes, maxKeptBytes } = session.options;
  const stdout = OutputBuffer.of(result.stdout, result.stdoutBytes, maxKeptBytes);
  const stderr = OutputBuffer.of(result.stderr, result.stderrBytes, maxKeptBytes);
  const tooLong = stdout.totalBytes > maxAnswerBytes || stderr.totalBytes > maxAnswerBytes;
  const cursor = { stdout: 0, stderr: 0 };
  const shelved = tooLong ? session.outputs.add({ stdout, stderr, cursor }) : undefined;
  const shown = { stdout: '', stderr: '' };
  for (const [stream, kept] of [
    ['stdout', stdout],
    ['stderr', stderr],
  ] as const) {
    const rest = (offset: number) => `read_output {"id":"${shelved?.id}","stream":"${stream}","offset":${offset}}`;
    const { text, nextOffset } = excerpt(kept, maxAnswerBytes, rest);
    shown[stream] = text;
    cursor[stream] = nextOffset;
  }
  const paths = [...pictures.shown.map(({ path }) => path), ...pictures.others];
  const notes = [
    ...facts.notes,
    explainOutcome(result, timeoutMs, session.options.tools?.includes('spawn') ?? true),
    pictures.others.length > 0 ? `Pictures too large or too many to show: ${pictures.others.join(', ')}` : undefined,
  ].filter((note) => note !== undefined);
  const note = notes.length > 0 ? notes.join('\n') : undefined;
  return {
    value: {
      sandbox_id: sandbox.id,
      outcome: result.outcome,
      exit_code: result.exitCode,
      signal: result.signal,
      stdout: shown.stdout,
      stderr: shown.stderr,
      truncated: tooLong,
      ...(shelved && { output_id: shelved.id }),
      duration_ms: Math.round(result.durationMs),
      ...(note && { note }),
      pictures: paths,
    },
    text: [
      `${describeEnd(result)} after ${seconds(result.durationMs)}`,
      note,
      shown.stdout && `stdout:\n${shown.stdout}`,
      shown.stderr && `stderr:\n${shown.stderr}`,
      shown.stdout || shown.stderr ? '' : '(no output)',
      paths.length > 0 ? `pictures: ${paths.join(', ')}` : '',
    ]
      .filter(Boolean)
      .join('\n'),
    pictures: pictures.shown,
  };
}

/** Describes an end in a few words: `exit code 0`, `timeout`, `killed by SIGSEGV`. */
export function describeEnd({ outcome, exitCode, signal }: CommandResult): string {
  if (outcome === 'exited') return `exit code ${exitCode}`;
  return outcome === 'signaled' ? `killed by ${signal}` : outcome;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 0)} s`;

/** Returns advice for the model about an end that is not a plain exit. */
export function explainOutcome(result: CommandResult, timeoutMs?: number, hasSpawn = true): string | undefined {
  switch (result.outcome) {
    case 'timeout':
      return `It was killed after ${seconds(timeoutMs ?? result.durationMs)}, its time limit. Raise timeout_seconds${hasSpawn ? ', or start it with spawn' : ''}.`;
    case 'oom':
      return 'It was killed because the sandbox ran out of memory.';
    case 'spawn-failed':
      return `It could not be started: ${result.failure?.message ?? 'no reason given'}.`;
    case 'sandbox-lost':
    case 'engine-lost':
      return ['The sandbox is gone, with its files.', result.hint].filter(Boolean).join(' ');
    case 'exited':
      return (
        [
          result.oomKilled ? 'A process of it was killed because the sandbox ran out of memory.' : '',
          result.pidsLimitHit ? 'It could not start another process: the limit is reached.' : '',
          result.backgroundKilled > 0
            ? `${result.backgroundKilled} processes it left in the background were killed${hasSpawn ? '; use spawn for what should go on' : ''}.`
            : '',
          result.hint ?? '',
        ]
          .filter(Boolean)
          .join(' ') || undefined
      );
    default:
      return result.hint;
  }
}
