/**
 * Teardown layer 4, in this process: starts one detached process that waits for the end of a pipe. However this process
 * ends, the kernel closes the pipe, and the watchdog removes the objects that the engine does not remove by itself:
 * containers that were created and never started, paused containers, volumes, temp directories.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Connection } from '../backends/backend.js';
import { RipcordError } from '../base/errors.js';
import { packageFile } from '../base/package-files.js';

export interface WatchdogOrders {
  /** Connection settings for the same engine. */
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
    // Detached: in its own session, neither Ctrl+C nor a closed terminal reaches it.
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
    // stdin is missing if the process could not be started, for example without free descriptors.
    if (!pipe) throw notStarted();
    pipe.on('error', () => {});
    pipe.write(`${JSON.stringify(orders)}\n`);
    // Unref the pipe: it must not keep this process alive.
    (pipe as unknown as { unref?(): void }).unref?.();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Tells the watchdog to remove the leftovers, because the owner could not. */
  release(): void {
    this.#process.stdin?.end();
  }

  /** Tells the watchdog that everything is removed and verified. */
  dismiss(): void {
    this.#process.stdin?.end('dismissed\n');
  }
}

/**
 * Returns only the variables needed to connect to the engine: debuggers and coverage tools must not attach to the
 * watchdog.
 */
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
