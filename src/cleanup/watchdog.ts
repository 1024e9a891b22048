/**
 * Layer 4, the orchestrator's side: one detached process that waits for the end of a pipe. However this process ends,
 * the kernel closes the pipe, and the watchdog removes what the engine does not by itself: containers created and never
 * started, paused ones, volumes, temp directories.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Connection } from '../backends/backend.js';
import { RipcordError } from '../base/errors.js';
import { packageFile } from '../base/package-files.js';

export interface WatchdogOrders {
  /** What the backend needs to connect to the same engine. */
  connection: Connection;
  instance: string;
  directory: string;
  root: string;
}

const STARVED = 'Is this process at its limit of open files (ulimit -n), or the machine at its limit of processes?';

export class Watchdog {
  readonly #process: ChildProcess;

  /** @param engineEnv names of the variables that finding the engine takes */
  constructor(orders: WatchdogOrders, engineEnv: readonly string[]) {
    // Detached: a session of its own, so that neither Ctrl+C nor a closed terminal reaches it.
    const main = mainFile();
    this.#process = spawn(process.execPath, ['--max-old-space-size=64', main], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      env: watchdogEnv(engineEnv),
    });
    this.#process.on('error', () => {});
    this.#process.unref();
    const pipe = this.#process.stdin;
    // Node makes none where the process could not be forked, for want of descriptors for instance.
    if (!pipe) throw notStarted();
    pipe.on('error', () => {});
    pipe.write(`${JSON.stringify(orders)}\n`);
    // The pipe must not keep the orchestrator alive; it is there to end with it.
    (pipe as unknown as { unref?(): void }).unref?.();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** The owner gives up: the watchdog removes what is left. */
  release(): void {
    this.#process.stdin?.end();
  }

  /** All is removed and verified: nothing to do for the watchdog. */
  dismiss(): void {
    this.#process.stdin?.end('dismissed\n');
  }
}

/** Only what finding the engine takes: debuggers and coverage tools of the orchestrator must not follow. */
function watchdogEnv(engineEnv: readonly string[]): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'XDG_RUNTIME_DIR', 'USER', ...engineEnv];
  return Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
}

function mainFile(): string {
  try {
    return packageFile('dist/cleanup/watchdog-main.js');
  } catch (cause) {
    if (cause instanceof RipcordError) throw cause;
    throw notStarted(cause);
  }
}

function notStarted(cause?: unknown): RipcordError {
  return new RipcordError('engine-error', 'The watchdog could not be started', { cause, hint: STARVED });
}
