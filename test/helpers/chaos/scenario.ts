/** The frame of every chaos test: orchestrators, temp directories and containers that are gone after it, come what may. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Subject, TOKEN_LABEL } from './audit.js';
import { EngineApi } from './engine-api.js';
import { Orchestrator, type Plan } from './orchestrator.js';
import { isWatchdog, processesWithTempDir, signalTo } from './processes.js';

const SEED_FILES = 20;

export class Scenario {
  readonly api: EngineApi;
  readonly directory = mkdtempSync(join(tmpdir(), 'ripcord-chaos-'));
  readonly #orchestrators: Orchestrator[] = [];
  readonly #tempDirs = new Set<string>();
  readonly #tokens: string[] = [];
  readonly #cleanups: (() => unknown)[] = [];

  constructor(api: EngineApi) {
    this.api = api;
  }

  /** A directory to be the TMPDIR of orchestrators; two in the same one share a state root. */
  readonly tempDir = (): string => {
    const path = mkdtempSync(join(this.directory, 'tmp-'));
    this.#tempDirs.add(path);
    return path;
  };

  /** Starts an orchestrator; resolves when the engine's events about it are being followed. */
  readonly start = async (plan: Plan, tempDir = this.tempDir()): Promise<Orchestrator> => {
    const token = this.token();
    const subject: Subject = {
      api: this.api,
      token,
      tempDir,
      instance: undefined,
      containerIds: new Set(),
      pids: new Set(),
    };
    const unfollow = await this.api.follow(`${TOKEN_LABEL}=${token}`, (event) =>
      subject.containerIds.add(event.Actor.ID),
    );
    this.defer(unfollow);
    const orchestrator = new Orchestrator({ seed: this.#seed(), ...plan, token }, subject);
    this.#orchestrators.push(orchestrator);
    return orchestrator;
  };

  /** Marks containers as this scenario's. */
  readonly token = (): string => {
    const token = randomBytes(6).toString('hex');
    this.#tokens.push(token);
    return token;
  };

  readonly defer = (cleanup: () => unknown): void => {
    this.#cleanups.push(cleanup);
  };

  async end(): Promise<void> {
    await Promise.allSettled(this.#orchestrators.map((orchestrator) => orchestrator.destroy()));
    for (const directory of this.#tempDirs) {
      for (const { pid } of processesWithTempDir(directory).filter(isWatchdog)) signalTo(pid, 'SIGKILL');
    }
    for (const cleanup of this.#cleanups.reverse()) await cleanup();
    const lists = await Promise.allSettled(this.#tokens.map((token) => this.api.containers(`${TOKEN_LABEL}=${token}`)));
    const left = lists.flatMap((list) => (list.status === 'fulfilled' ? list.value : []));
    await Promise.allSettled(left.map(({ Id }) => this.api.removeContainer(Id)));
    rmSync(this.directory, { recursive: true, force: true });
  }

  #seed(): string {
    const path = join(this.directory, 'seed');
    mkdirSync(path, { recursive: true });
    for (let i = 0; i < SEED_FILES; i++) writeFileSync(join(path, `file-${i}`), 'x'.repeat(1000 * i));
    return path;
  }
}

export async function scenario<T>(run: (scenario: Scenario) => Promise<T>, api = new EngineApi()): Promise<T> {
  const made = new Scenario(api);
  try {
    return await run(made);
  } finally {
    await made.end();
  }
}
