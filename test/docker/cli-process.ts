/** Runs the built `ripcord` as a process of its own, and lists its leftovers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { Annotation } from '../../src/backends/backend.js';
import { DockerBackend } from '../../src/backends/docker/docker-backend.js';
import { parseOwner } from '../../src/base/owner.js';
import { instanceDirs, stateRoot } from '../../src/cleanup/state-dir.js';

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  bytes: Buffer;
  pid: number;
}

export interface StartOptions {
  env?: Record<string, string>;
  cwd?: string;
}

/** Less than a test may take, so that the test still gets to end the process. */
const PATIENCE_MS = 45_000;

/** A process under way. Whatever a test does, `using` ends it. */
export class Running implements Disposable {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #chunks: Buffer[] = [];
  #stderr = '';
  #isOver = false;
  readonly #changed = new Set<() => void>();

  constructor(file: string, args: readonly string[], { env, cwd }: StartOptions = {}) {
    this.child = spawn(file, args, { cwd, env: { ...process.env, NO_COLOR: '1', ...env } });
    this.child.stdin!.on('error', () => {});
    this.child.stdout!.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#wake();
    });
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#wake();
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code) => {
        this.#isOver = true;
        this.#wake();
        const bytes = Buffer.concat(this.#chunks);
        resolve({ code, bytes, stdout: bytes.toString('utf8'), stderr: this.#stderr, pid: this.child.pid! });
      });
    });
  }

  /** All that came so far, stdout and stderr, without control sequences. */
  get screen(): string {
    return stripVTControlCharacters(Buffer.concat(this.#chunks).toString('utf8') + this.#stderr);
  }

  /** Fails with all there is to see when the process ends without it, or it takes too long. */
  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    const giveUpAt = Date.now() + PATIENCE_MS;
    const timer = setTimeout(() => this.#wake(), PATIENCE_MS);
    try {
      for (;;) {
        const match = pattern.exec(this.screen);
        if (match) return match;
        if (this.#isOver || Date.now() >= giveUpAt) throw new Error(`${pattern} never came:\n${this.screen}`);
        await new Promise<void>((resolve) => this.#changed.add(resolve));
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a signal; resolves to how it ended and how long that took. */
  async signal(name: NodeJS.Signals): Promise<Ended & { ms: number }> {
    const startedAt = performance.now();
    this.child.kill(name);
    const ended = await this.ended;
    return { ...ended, ms: performance.now() - startedAt };
  }

  [Symbol.dispose](): void {
    if (!this.#isOver) this.child.kill('SIGKILL');
  }

  #wake(): void {
    for (const wake of this.#changed) wake();
    this.#changed.clear();
  }
}

export const start = (args: readonly string[], options?: StartOptions) =>
  new Running(process.execPath, [MAIN, ...args], options);

/** Runs it to its end, with `stdin` as its input. */
export async function ripcord(
  args: readonly string[],
  { stdin, ...options }: StartOptions & { stdin?: string | Buffer } = {},
): Promise<Ended> {
  using running = start(args, options);
  running.child.stdin!.end(stdin ?? '');
  return await running.ended;
}

/** On a terminal of its own (util-linux script). Its size is in columns and rows. */
export function startOnTerminal(
  args: readonly string[],
  { size: [columns, rows] = [91, 33], ...options }: StartOptions & { size?: [number, number] } = {},
): Running {
  const quoted = [process.execPath, MAIN, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  return new Running('script', ['-qfec', `stty cols ${columns} rows ${rows}; exec ${quoted}`, '/dev/null'], {
    ...options,
    env: { TERM: 'xterm', ...options?.env },
  });
}

/** Containers and directories whose owner is or was process `pid`. */
export async function leftOf(pid: number): Promise<{ containers: string[]; directories: string[] }> {
  const backend = DockerBackend.open();
  try {
    const containers = await backend.containers();
    return {
      containers: containers
        .filter(({ annotations }) => parseOwner(annotations[Annotation.OWNER])?.pid === pid)
        .map(({ name }) => name),
      directories: instanceDirs(stateRoot())
        .filter(({ owner }) => owner?.pid === pid)
        .map(({ path }) => path),
    };
  } finally {
    backend.close();
  }
}

export const NOTHING = { containers: [], directories: [] };
