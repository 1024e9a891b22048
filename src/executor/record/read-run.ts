/** Reads the record of a run from its directory, even if the process that wrote it crashed. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InvalidOptionsError, messageOf } from '../../base/errors.js';
import type { RunEvent } from '../events.js';
import type { IterationReport, ResumeState, RunStatus } from '../types.js';
import { EVENTS_FILE, ITERATIONS_FILE, RUN_FILE } from './run-log.js';

export interface RecordedRun<Task = unknown> {
  run: string;
  task: Task;
  createdAt: number;
  /** Status of the run. `unfinished`: it still runs, or its process died. */
  status: RunStatus | 'unfinished';
  finalOutput: string | undefined;
  /** Events in order. A resumed run appends its events to those of the run before. */
  events: RunEvent[];
  iterations: IterationReport<unknown, unknown, unknown>[];
  /** State to resume from: the one after the last complete iteration. */
  state: ResumeState<Task>;
  /** Number of lines that a crash cut short. */
  tornLines: number;
}

interface RunFile<Task> {
  version: 1;
  run: string;
  task: Task;
  createdAt: number;
}

interface IterationLine<Task> {
  iteration: number;
  state: ResumeState<Task>;
  report: IterationReport<unknown, unknown, unknown>;
}

/**
 * Reads the record of a run from its directory, even if the process of the run was killed.
 *
 * @throws InvalidOptionsError if `directory` is not the directory of a run.
 * @example
 * const recorded = await readRun('runs/42')
 * const result = await executor.run(recorded.task, { resume: recorded.state, runDirectory: 'runs/42' })
 */
export async function readRun<Task = unknown>(directory: string): Promise<RecordedRun<Task>> {
  const file = await readRunFile<Task>(directory);
  const events = await readLines<RunEvent>(join(directory, EVENTS_FILE));
  const iterations = await readLines<IterationLine<Task>>(join(directory, ITERATIONS_FILE));
  const last = events.lines.at(-1);
  const finished = last?.type === 'completed' ? last : undefined;
  const beginning: ResumeState<Task> = {
    version: 1,
    run: file.run,
    task: file.task,
    memory: { lessons: [], notes: {} },
    feedback: undefined,
    nextIteration: 1,
    base: undefined,
  };
  return {
    run: file.run,
    task: file.task,
    createdAt: file.createdAt,
    status: finished?.status ?? 'unfinished',
    finalOutput: finished?.finalOutput,
    events: events.lines,
    iterations: iterations.lines.map(({ report }) => report),
    state: iterations.lines.at(-1)?.state ?? beginning,
    tornLines: events.torn + iterations.torn,
  };
}

async function readRunFile<Task>(directory: string): Promise<RunFile<Task>> {
  try {
    const file = JSON.parse(await readFile(join(directory, RUN_FILE), 'utf8')) as RunFile<Task>;
    if (file.version === 1) return file;
    throw new InvalidOptionsError(`it was written by another version (${String(file.version)})`);
  } catch (error) {
    throw new InvalidOptionsError(`${directory} is not a run's directory: ${messageOf(error)}`, { cause: error });
  }
}

async function readLines<T>(file: string): Promise<{ lines: T[]; torn: number }> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { lines: [], torn: 0 };
    throw error;
  }
  const lines: T[] = [];
  let torn = 0;
  for (const line of content.split('\n')) {
    if (line === '') continue;
    try {
      lines.push(JSON.parse(line) as T);
    } catch {
      torn++;
    }
  }
  return { lines, torn };
}
