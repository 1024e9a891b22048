/** Records a run on disk: `run.json`, and one JSON line for each event and each iteration. */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeDirectoriesSync } from '../../base/make-directories.js';
import { toJson } from '../describe.js';
import type { RunEvent } from '../events.js';
import type { IterationReport, ResumeState } from '../types.js';

export const RUN_FILE = 'run.json';
export const EVENTS_FILE = 'events.jsonl';
export const ITERATIONS_FILE = 'iterations.jsonl';
const MAX_EVENT = 64 * 1024;
const MAX_REPORT = 16 * 1024 * 1024;

/**
 * Writes the record of a run. Every line is one write to a file opened for appending, so that a crash tears at most the
 * last line. At the end of an iteration the files are synced before the next iteration begins.
 */
export class RunLog {
  readonly directory: string;
  readonly #events: AppendFile;
  readonly #iterations: AppendFile;

  constructor(directory: string, run: string, task: unknown) {
    this.directory = directory;
    makeDirectoriesSync(directory);
    const file = join(directory, RUN_FILE);
    if (!existsSync(file)) writeAtomically(file, toJson({ version: 1, run, task, createdAt: Date.now() }));
    this.#events = new AppendFile(join(directory, EVENTS_FILE));
    this.#iterations = new AppendFile(join(directory, ITERATIONS_FILE));
  }

  /** Returns the directory for the kept base of an iteration. */
  basePath(iteration: number): string {
    return join(this.directory, `base-${iteration}`);
  }

  event(event: RunEvent): void {
    // Reports are written to iterations.jsonl.
    const { report: _, ...rest } = event as RunEvent & { report?: unknown };
    const line = toJson(rest);
    if (line.length <= MAX_EVENT) return this.#events.append(line);
    const { type, run, seq, at, iteration, branch } = rest as Partial<RunEvent> & {
      iteration?: number;
      branch?: number;
    };
    this.#events.append(toJson({ type, run, seq, at, iteration, branch, truncated: true }));
  }

  iteration(report: IterationReport<unknown, unknown, unknown>, state: ResumeState): void {
    const state_ = toJson(state);
    this.#iterations.append(
      `{"iteration":${report.iteration},"state":${state_},"report":${toJson(report, MAX_REPORT)}}`,
    );
    this.#events.sync();
    this.#iterations.sync();
  }

  close(): void {
    this.#events.close();
    this.#iterations.close();
  }
}

class AppendFile {
  readonly #fd: number;
  #torn: boolean;

  constructor(path: string) {
    this.#fd = openSync(path, 'a+', 0o644);
    this.#torn = !endsWithNewline(this.#fd);
  }

  append(line: string): void {
    const bytes = Buffer.from(`${this.#torn ? '\n' : ''}${line}\n`);
    this.#torn = true;
    this.#torn = writeSync(this.#fd, bytes) !== bytes.length;
  }

  sync(): void {
    fsyncSync(this.#fd);
  }

  close(): void {
    fsyncSync(this.#fd);
    closeSync(this.#fd);
  }
}

function endsWithNewline(fd: number): boolean {
  const { size } = fstatSync(fd);
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(fd, last, 0, 1, size - 1);
  return last[0] === 0x0a;
}

function writeAtomically(file: string, content: string): void {
  const partial = `${file}.partial`;
  writeFileSync(partial, content, { flush: true } as object);
  renameSync(partial, file);
}
