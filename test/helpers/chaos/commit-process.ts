/** Runs commit-main.mjs and sees to its end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { deferred } from '../../../src/base/abort.js';

const MAIN = fileURLToPath(new URL('./commit-main.mjs', import.meta.url));
const LIBRARY = fileURLToPath(new URL('./commit-library.mjs', import.meta.url));

/**
 * The compiled library in one file: hundreds of processes load it, and of all its modules most of the time each takes
 * would be the loading.
 * @returns its path, in `directory`
 */
export async function bundleLibrary(directory: string): Promise<string> {
  const file = join(directory, 'library.mjs');
  const bundle = await rolldown({ input: LIBRARY, platform: 'node' });
  await bundle.write({ file, format: 'esm' });
  await bundle.close();
  return file;
}

export interface CommitJob {
  base?: string;
  result?: string;
  target: string;
  /** The target is empty and receives all of the result. */
  withSeed?: boolean;
  /** Kills itself right before this change of the disk, counted from 1. */
  killAt?: number;
  /** Moves `directory` aside and puts a link in its place, right before this change of the disk. */
  swap?: { at: number; directory: string; aside: string; link: string };
  /** Waits for `go` between the plan and its application. */
  hold?: boolean;
}

/** One line of its output, a JSON document. */
export interface Said {
  id?: string;
  outcome?: string;
  commits?: string[];
  calls?: number;
  changes?: number;
}

export class CommitProcess {
  readonly said: Said[] = [];
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #child;
  #stderr = '';
  #heard = deferred<void>();

  constructor(library: string, action: 'apply' | 'recover', job: CommitJob) {
    this.#child = spawn(process.execPath, [MAIN, library, action, JSON.stringify(job)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin.on('error', () => {});
    this.#child.stderr.on('data', (text: Buffer) => {
      this.#stderr += text;
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.said.push(JSON.parse(line));
      this.#heard.resolve();
      this.#heard = deferred();
    });
    this.exited = once(this.#child, 'close').then(([code, signal]) => {
      this.#heard.resolve();
      return { code, signal };
    });
  }

  /** @throws with what it wrote to stderr, unless it ended well or by SIGKILL */
  async ended(): Promise<'killed' | 'completed'> {
    const { code, signal } = await this.exited;
    if (signal === 'SIGKILL') return 'killed';
    if (code !== 0) throw new Error(`commit process: exit code ${code}: ${this.#stderr}`);
    return 'completed';
  }

  /** Waits until it has said something. */
  async heard(): Promise<Said> {
    while (this.said.length === 0) await this.#heard.promise;
    return this.said[0]!;
  }

  go(): void {
    this.#child.stdin.write('go\n');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
