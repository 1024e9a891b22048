/**
 * The hostile battery: each case runs in a sandbox of its own, beside a harmless one, and whatever the case does, the same
 * conditions must hold of it. They are checked here, once: `Battery.attack`.
 */
import { execFile } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { promisify } from 'node:util';
import type { CommandHandle, CreateOptions, ExecOptions, ExecResult, Sandbox, SandboxManager } from 'ripcord-sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, directoriesOf, engine, until, volumesOf } from './audit.js';
import { repeats } from './chaos/measure.js';
import { processesOfContainers } from './chaos/processes.js';
import { makeTempDir, type TempDir } from './fixtures.js';
import { gVisorEndpoint, gVisorMissing, gVisorReady, LOAD_MS } from './gvisor-engine.js';
import { holding, retainedBytes } from './retained.js';
import { type ManagerUnderTest, useManager } from './sandbox.js';

const MiB = 1024 ** 2;
const GONE_MS = 5000;
const GROWTH_BYTES = 64 * MiB;
/** A command in a sibling sandbox. */
const PROBE_EVERY_MS = 100;
/** Half a lease: one that is held up for longer is lost. How soon it answers, `npm run bench -- stall load` measures. */
const SLOWEST_PROBE_MS = 30_000;

const PROGRAMS = new URL('../hostile/programs/', import.meta.url);
const INTERPRETERS: Record<string, string[]> = { '.py': ['python3'], '.sh': ['sh'], '.bash': ['bash'], '.c': [] };

declare module 'vitest' {
  interface TaskMeta {
    /** Result of a case of the battery, for scripts/battery-table.mjs. */
    battery?: { engine: string; runs: number; leaks: number; note?: string };
  }
}

/** Tools of one case. */
export interface Siege {
  sandbox: Sandbox;
  manager: SandboxManager;
  /** Whether its kernel is gVisor's. */
  gVisor: boolean;
  /** A directory of the host that nothing but a download of this case may write to. */
  target: string;
  /** Runs a file of test/hostile/programs to its end. */
  run(program: string, args?: (string | number)[], options?: ExecOptions): Promise<ExecResult>;
  /** Runs a program as `run` does, with the output as bytes. */
  runRaw(program: string, args?: (string | number)[]): Promise<ExecResult<Uint8Array>>;
  start(program: string, args?: (string | number)[]): Promise<CommandHandle>;
}

/** Declares a case: `title` begins with its number. */
export type Attack = (
  title: string,
  options: CreateOptions | ((gVisor: boolean) => CreateOptions),
  body: (siege: Siege) => Promise<void>,
  more?: { runs?: number /** Why gVisor is left out. */; notOnGVisor?: string },
) => void;

interface EngineInfo {
  ServerVersion?: string;
  KernelVersion?: string;
  CgroupVersion?: string;
}

/** Asked when the tests are collected. */
const info: EngineInfo = await engine<EngineInfo>('GET', '/info').then(
  ({ body }) => body,
  () => ({}),
);
const ENGINE = `engine ${info.ServerVersion}, Linux ${info.KernelVersion}, cgroup v${info.CgroupVersion}`;

/** The cases of a group, for the engine's own runtime and, where it makes a difference, for gVisor. */
export function battery(group: string, runtimes: ('runc' | 'runsc')[], cases: (attack: Attack) => void): void {
  for (const runtime of runtimes) {
    const missing = runtime === 'runsc' ? gVisorMissing : undefined;
    const title = `${group} (${runtime}${missing ? `, ${missing}` : ''})`;
    describe.skipIf(missing !== undefined)(title, () => cases(new Battery(runtime).attack));
  }
}

class Battery {
  readonly #manager: ManagerUnderTest;
  readonly #runtime: string;
  #sibling!: Sandbox;
  #host!: TempDir;

  constructor(runtime: string) {
    this.#runtime = runtime;
    const gVisor = runtime === 'runsc';
    if (gVisor) beforeAll(gVisorReady, LOAD_MS);
    this.#manager = useManager(gVisor ? { docker: gVisorEndpoint } : {});
    beforeAll(async () => {
      this.#host = await makeTempDir('hostile');
      this.#sibling = await this.#manager.manager.create({ image: 'base' });
    });
    afterAll(() => this.#host?.remove());
  }

  readonly attack: Attack = (title, options, body, { runs = repeats(1, 5), notOnGVisor } = {}) => {
    it(title, async ({ task, skip }) => {
      const result = { engine: ENGINE, runs: 0, leaks: 0 };
      task.meta.battery = result;
      if (this.#runtime === 'runsc' && notOnGVisor) {
        task.meta.battery = { ...result, note: notOnGVisor };
        skip(notOnGVisor);
      }
      while (result.runs < runs) {
        result.runs++;
        const left = await this.#siege(options, body);
        result.leaks += left.length;
        expect(left, 'left behind').toEqual([]);
      }
    });
  };

  /** Runs a case once and checks everything that must hold afterwards. Resolves to the leftovers. */
  async #siege(options: Parameters<Attack>[1], body: (siege: Siege) => Promise<void>): Promise<string[]> {
    const canary = new Canary(`${this.#host.path}/canary`);
    const runtime = this.#runtime === 'runc' ? undefined : this.#runtime;
    const sandbox = await this.#manager.manager.create({
      runtime,
      ...(typeof options === 'function' ? options(this.#runtime === 'runsc') : options),
    });
    const container = await this.#containerId(sandbox);
    const watch = new Watch(this.#sibling);
    try {
      await body(siegeOf(sandbox, this.#manager.manager, this.#host.path, runtime === 'runsc'));
    } finally {
      await watch.stop();
      await sandbox.close();
    }
    const left = await this.#leftAfter(sandbox, container);
    canary.check();
    watch.check();
    return left;
  }

  async #leftAfter({ id }: Sandbox, container: string): Promise<string[]> {
    const { manager, socketPath, stateDir } = this.#manager;
    let left: string[] = [];
    const look = async () => {
      const containers = await containersOf(manager.instance, socketPath);
      left = [
        ...containers.filter((name) => name === `ripcord-${id}`),
        ...(await volumesOf(manager.instance, socketPath)),
        ...directoriesOf(stateDir, manager.instance).filter((name) => name === id),
        // By cgroup and command line, so that it counts ours on a machine where others come and go.
        ...processesOfContainers(new Set([container])).map(({ command }) => command),
      ];
      return left.length === 0;
    };
    await until(look, 'nothing left', GONE_MS).catch(() => {});
    return left;
  }

  async #containerId({ id }: Sandbox): Promise<string> {
    const path = `/containers/ripcord-${id}/json`;
    return (await engine<{ Id: string }>('GET', path, undefined, this.#manager.socketPath)).body.Id;
  }
}

/** A file of the host beside the download target. */
class Canary {
  readonly #path: string;
  readonly #before: string;

  constructor(path: string) {
    this.#path = path;
    writeFileSync(path, 'untouched', { mode: 0o600 });
    this.#before = this.#look();
  }

  #look(): string {
    const { ino, mode, uid, size, mtimeMs, ctimeMs } = statSync(this.#path);
    return JSON.stringify([readFileSync(this.#path, 'utf8'), ino, mode, uid, size, mtimeMs, ctimeMs]);
  }

  check(): void {
    expect(this.#look()).toBe(this.#before);
  }
}

/** Asks a sibling sandbox for an answer all the time, and looks at the memory of this process. */
class Watch {
  readonly #sibling: Sandbox;
  readonly #waits: number[] = [];
  readonly #before: number;
  readonly #running: Promise<void>;
  #peak: number;
  #stopped = false;

  constructor(sibling: Sandbox) {
    this.#sibling = sibling;
    this.#peak = this.#before = retainedBytes();
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    // The time counts from the planned request, so that a process that is too busy to send it is late as well.
    let due = performance.now();
    while (!this.#stopped) {
      const { outcome } = await this.#sibling.exec(['true']);
      this.#waits.push(outcome === 'exited' ? performance.now() - due : Number.POSITIVE_INFINITY);
      const held = holding() - this.#before > GROWTH_BYTES ? retainedBytes() : 0;
      this.#peak = Math.max(this.#peak, held);
      due = performance.now() + PROBE_EVERY_MS;
      await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS));
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  check(): void {
    expect(Math.max(...this.#waits), 'slowest answer of another sandbox').toBeLessThan(SLOWEST_PROBE_MS);
    expect(this.#peak - this.#before, 'growth of this process').toBeLessThanOrEqual(GROWTH_BYTES);
  }
}

const compiled = new Map<string, Promise<Buffer>>();

/** Static, so that it runs in any image. */
async function compile(program: string): Promise<Buffer> {
  await using directory = await makeTempDir('program');
  const output = `${directory.path}/${basename(program, '.c')}`;
  const flags = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-O1', '-static'];
  await promisify(execFile)('cc', [...flags, '-o', output, new URL(program, PROGRAMS).pathname]);
  return readFileSync(output);
}

function contentOf(program: string): Promise<Buffer> {
  if (extname(program) !== '.c') return Promise.resolve(readFileSync(new URL(program, PROGRAMS)));
  const known = compiled.get(program) ?? compile(program);
  compiled.set(program, known);
  return known;
}

function siegeOf(sandbox: Sandbox, manager: SandboxManager, host: string, gVisor: boolean): Siege {
  /** Below a directory of its own: a case may fill, lock or list the workspace. */
  const place = async (program: string, args: (string | number)[] = []): Promise<string[]> => {
    const path = `${sandbox.workspace}/program/${basename(program, '.c')}`;
    await sandbox.files.write(path, await contentOf(program), { mode: 0o755 });
    return [...INTERPRETERS[extname(program)]!, path, ...args.map(String)];
  };
  return {
    sandbox,
    manager,
    gVisor,
    target: `${host}/${sandbox.id}`,
    run: async (program, args, options) => sandbox.exec(await place(program, args), options),
    runRaw: async (program, args) => sandbox.exec(await place(program, args), { encoding: 'buffer' }),
    start: async (program, args) => sandbox.spawn(await place(program, args)),
  };
}
