/** Runs test/helpers/chaos/orchestrator-main.mjs as a real process, follows what it says, and sees to its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Subject } from './audit.js';
import { isWatchdog, processesWithTempDir, signalTo } from './processes.js';

export type Work =
  | 'idle'
  | 'sleep'
  | 'loop'
  | 'flood'
  | 'spill'
  | 'unread'
  | 'disk'
  | 'stdin'
  | 'stubborn'
  | 'uncaught';

export type Point =
  | 'image lookup'
  | 'created'
  | 'attached'
  | 'started'
  | 'exec'
  | 'write'
  | 'read'
  | 'killing'
  | 'removing'
  | 'idle';

export type End =
  | 'SIGINT'
  | 'SIGINT twice'
  | 'SIGTERM'
  | 'SIGHUP'
  | 'uncaughtException'
  | 'unhandledRejection'
  | 'process.exit'
  | 'SIGABRT'
  | 'SIGKILL'
  | 'OOM'
  | 'SIGSTOP';

export interface Doom {
  at: Point;
  how: End;
  /** Files that take a pid into a cgroup with little memory, for the end `OOM`. */
  memory?: string[];
}

export interface Plan {
  /** `SandboxManager.open({ pool })`; `opened` is said when it is full. */
  pool?: object;
  /** How many; default one for each kind of work. */
  sandboxes?: number;
  /** Kinds of work, taken in turn. */
  work?: Work[];
  /** Instead: so many loops of create, use, close. */
  churn?: number;
  /** Instead: one sandbox, and an end of the process at one point of its life. See doom.mjs. */
  doom?: Doom;
  create?: object;
  image?: string;
  docker?: string;
  stateDir?: string;
  sweep?: boolean;
  handleSignals?: boolean;
  /** A signal for which the application has a handler of its own, which does not end it. */
  handles?: NodeJS.Signals;
  /** A signal that it sends itself when the first of its sandboxes is closed. */
  signalWhenClosing?: NodeJS.Signals;
  /** Seed every other sandbox from the host, so that temp directories are not empty. Default true. */
  seed?: string;
}

/** One event of its output. Fields depend on the event; see orchestrator-main.mjs. */
export interface Said {
  event: string;
  at: number;
  sandbox?: string;
  index?: number;
  instance?: string;
  kind?: Work;
  outcome?: string;
  hint?: string;
  reason?: string;
  stdout?: string;
  message?: string;
  ms?: number;
  error?: { code?: string; name?: string; message: string };
  receipt?: {
    left: { containers: number; volumes: number; directories: number };
    reuse?: { recycled: boolean };
    errors: string[];
  };
  report?: { removed: { containers: string[]; volumes: string[]; directories: string[] }; errors: string[] };
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

const LAST_WORDS_MS = 2000;
const MAIN = fileURLToPath(new URL('./orchestrator-main.mjs', import.meta.url));

export class Orchestrator {
  readonly subject: Subject;
  readonly said: Said[] = [];
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #news = new EventEmitter().setMaxListeners(0);
  #stderr = '';
  #exit: Exit | undefined;
  /** All its output has been read. */
  #silent = false;

  constructor(plan: Plan & { token: string }, subject: Subject) {
    this.subject = subject;
    const { RIPCORD_STATE_DIR: _, NODE_OPTIONS: __, ...env } = process.env;
    this.#process = spawn(process.execPath, [MAIN, JSON.stringify(plan)], {
      // A group of its own, as a shell would make one.
      detached: true,
      cwd: '/',
      env: { ...env, TMPDIR: subject.tempDir },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#process.stdin!.on('error', () => {});
    this.#process.stderr!.on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-4000);
    });
    if (this.pid) subject.pids.add(this.pid);
    const lines = createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#heard(line));
    const saidAll = once(lines, 'close');
    this.exited = once(this.#process, 'exit').then(([code, signal]) => {
      this.#exit = { code, signal };
      this.#news.emit('news');
      // Its last words can come after its exit. A process that it started may keep the pipe open.
      void Promise.race([saidAll, sleep(LAST_WORDS_MS)]).then(() => {
        this.#silent = true;
        this.#news.emit('news');
      });
      return this.#exit;
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  get hasExited(): boolean {
    return this.#exit !== undefined;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Its watchdogs, found by /proc. */
  get watchdogs(): number[] {
    return processesWithTempDir(this.subject.tempDir)
      .filter(isWatchdog)
      .map(({ pid }) => pid);
  }

  all(event: string): Said[] {
    return this.said.filter((said) => said.event === event);
  }

  /** Resolves to the first `count` events of that name that pass `test`, as soon as there are that many. */
  async heard(
    event: string,
    { count = 1, timeoutMs = 60_000, test = (_: Said) => true } = {},
  ): Promise<[Said, ...Said[]]> {
    const signal = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const found = this.all(event).filter(test);
      if (found.length >= count) return found.slice(0, count) as [Said, ...Said[]];
      if (this.#silent || signal.aborted) throw new Error(`${this.#describe()} before it said ${count} × ${event}`);
      await once(this.#news, 'news', { signal }).catch(() => {});
    }
  }

  tell(order: string): void {
    this.#process.stdin!.write(`${order}\n`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** As a terminal does on Ctrl+C: to every process of the group. */
  signalGroup(signal: NodeJS.Signals): void {
    signalTo(-this.pid, signal);
  }

  /** @throws when it has not ended by then */
  async exits(timeoutMs = 30_000): Promise<Exit> {
    const signal = AbortSignal.timeout(timeoutMs);
    while (!this.#exit) {
      if (signal.aborted) throw new Error(`it still runs after ${timeoutMs} ms. ${this.#describe()}`);
      await once(this.#news, 'news', { signal }).catch(() => {});
    }
    return this.#exit;
  }

  /** Ends it and every process that it started, whatever state they are in. */
  async destroy(): Promise<void> {
    if (!this.#exit && this.pid) {
      signalTo(-this.pid, 'SIGKILL');
      await this.exited;
    }
  }

  #heard(line: string): void {
    const said = JSON.parse(line) as Said;
    if (said.event === 'opened') this.subject.instance = said.instance;
    this.said.push(said);
    this.#news.emit('news');
  }

  #describe(): string {
    const last = this.said.slice(-8).map((said) => JSON.stringify(said));
    const state = this.#exit ? `ended with ${JSON.stringify(this.#exit)}` : 'runs';
    return `the orchestrator ${state}; it said\n  ${last.join('\n  ')}\n${this.#stderr}`;
  }
}
