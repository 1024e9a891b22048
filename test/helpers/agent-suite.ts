// One describe per build of the agent: the binary that goes into sandboxes, and one with ASan and UBSan, where a silent
// mistake in memory ends the agent.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildAgent } from '../../scripts/build-agent.mjs';
import { type AgentOptions, AgentProcess, decodeError, processesWith, TYPE, u8, whyNotHere } from './agent-process.js';
import { type Cgroup, makeCgroup } from './cgroup.js';

export const BYE = { SHUTDOWN: 1, STDIN_EOF: 2, LEASE: 3, LIFETIME: 4, PROTOCOL: 5, SIGTERM: 6 } as const;
export const EXIT_FLAG = {
  STDOUT_TRUNCATED: 1,
  STDERR_TRUNCATED: 2,
  OOM_ROSE: 4,
  KILLED_BY_HOST: 8,
  PIDS_ROSE: 16,
  WARM: 32,
  SOCKETS: 64,
};
export const STAGE = { REQUEST: 1, USER: 2, CWD: 3, RESOURCES: 4, EXEC: 5, PROGRAM: 7 } as const;

/** A busy machine takes its time to compile the whole agent. */
const BUILD_TIMEOUT = 180_000;
/** Time limit for checks of stray processes, which are made from outside the namespace. */
const PATIENCE = { timeout: 5000 };

/** No process has this word on its command line any more. */
export const gone = (word: string) => vi.waitFor(() => expect(processesWith(word)).toEqual([]), PATIENCE);
/** At least so many processes have it. */
export const there = (word: string, count = 1) =>
  vi.waitFor(() => expect(processesWith(word).length).toBeGreaterThanOrEqual(count), PATIENCE);

export class AgentSuite {
  readonly sanitize: boolean;
  #agents: AgentProcess[] = [];
  #cgroups: Cgroup[] = [];
  #binary = '';
  #directory = '';

  constructor(sanitize: boolean) {
    this.sanitize = sanitize;
  }

  /** The binary, where no other build replaces it while tests run. */
  get binary(): string {
    return this.#binary;
  }

  /** A directory for the suite's own files. */
  get directory(): string {
    return this.#directory;
  }

  /** Directory of the warm interpreters' files, as a sandbox has it beside the agent. */
  get warm(): string {
    return join(this.#directory, 'warm');
  }

  async open(): Promise<void> {
    const built = await buildAgent({ sanitize: this.sanitize, quiet: true });
    this.#directory = mkdtempSync(join(tmpdir(), 'ripcord-agent-binary-'));
    this.#binary = join(this.#directory, 'agent');
    copyFileSync(built, this.#binary);
    mkdirSync(this.warm);
    copyFileSync(join(dirname(built), `warm-${process.arch}.so`), join(this.warm, 'native.so'));
    copyFileSync(join(dirname(built), '..', 'warm', 'usercustomize.py'), join(this.warm, 'usercustomize.py'));
    chmodSync(this.#directory, 0o755);
  }

  close(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** After each test: nothing of it stays, and nothing was said on stderr. */
  async cleanUp(): Promise<void> {
    const complaints = this.#agents.map((agent) => agent.stderr).join('');
    await Promise.all(this.#agents.splice(0).map((agent) => agent.close()));
    for (const cgroup of this.#cgroups.splice(0)) await cgroup.remove();
    expect(complaints).toBe('');
  }

  async start(options?: AgentOptions): Promise<AgentProcess> {
    const agent = await AgentProcess.start(this.#binary, options);
    this.#agents.push(agent);
    return agent;
  }

  /** Started, and READY has come. */
  async ready(options?: AgentOptions): Promise<AgentProcess> {
    const agent = await this.start(options);
    await agent.awaitReady();
    return agent;
  }

  /** In a cgroup with limits of its own. */
  async limited(limits: { memoryBytes?: number; pids?: number }, options?: AgentOptions): Promise<AgentProcess> {
    const cgroup = makeCgroup(limits);
    this.#cgroups.push(cgroup);
    return this.ready({ ...options, before: cgroup.enter });
  }

  /** A wrapper under which the kernel seems to lack something. */
  without(what: 'openat2' | 'subreaper' | 'keyrings' | 'filters'): string[] {
    const helper = join(this.#directory, 'without');
    const source = new URL('./without.c', import.meta.url).pathname;
    if (!existsSync(helper)) execFileSync('cc', ['-o', helper, source]);
    return [helper, what];
  }
}

/** The agent must end by itself with ERROR of this code, BYE 5 and status 5. Resolves to the message. */
export async function expectError(agent: AgentProcess, code: number): Promise<string> {
  const { frames, code: status, signal } = await agent.rest();
  const error = frames.find((frame) => frame.type === TYPE.ERROR);
  expect(error, `no ERROR among ${frames.map((frame) => frame.type)}`).toBeDefined();
  expect(decodeError(error!.payload).code).toBe(code);
  expect(frames.at(-1)).toMatchObject({ stream: 0, type: TYPE.BYE, payload: u8(BYE.PROTOCOL) });
  expect({ status, signal }).toEqual({ status: 5, signal: null });
  return decodeError(error!.payload).message;
}

export async function expectBye(agent: AgentProcess, reason: number, status: number): Promise<void> {
  const end = await agent.rest();
  expect(end.frames.at(-1)).toMatchObject({ stream: 0, type: TYPE.BYE, payload: u8(reason) });
  expect(end.code).toBe(status);
}

/** The tests of one subject, for both builds. Where the agent cannot run, that is one failing test with the reason. */
export function describeAgent(title: string, tests: (suite: AgentSuite) => void): void {
  const problem = whyNotHere();
  if (problem !== undefined) {
    it('can run the agent here', () => {
      throw new Error(problem);
    });
  }
  describe.skipIf(problem !== undefined).each([
    { build: 'release', sanitize: false },
    { build: 'ASan + UBSan', sanitize: true },
  ])(`${title} ($build)`, ({ sanitize }) => {
    const suite = new AgentSuite(sanitize);
    beforeAll(() => suite.open(), BUILD_TIMEOUT);
    afterAll(() => suite.close());
    afterEach(() => suite.cleanUp());
    tests(suite);
  });
}
