/**
 * A commit killed by SIGKILL at any instant: after recovery the target is wholly old or wholly new, the history says
 * which, and nothing else is left, `.ripcord` neither. Before every third change of the disk and at 20 random moments; with RIPCORD_LONG=1
 * before each, and at 200.
 */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyForSealing } from '../../src/commit/history/seal-key.js';
import { readCommits, recoverCommit } from '../../src/commit/index.js';
import { bundleLibrary, type CommitJob, CommitProcess } from '../helpers/chaos/commit-process.js';
import { repeats, scaled } from '../helpers/chaos/measure.js';
import { stateOf } from '../helpers/commit-trees.js';
import { type Tree, useTempDirectory, withMode, writeTree } from '../helpers/temp.js';

const KILLS = repeats(12, 200);
/** As many processes at once as make progress on two cores. */
const PARALLEL = 3;
const MINUTE = 60_000;
/** Number of disk changes between two kills. */
const STEP = scaled(5, 1);

const temp = useTempDirectory();
type State = Record<string, string>;

let library: { directory: string; file: string };
const commitProcess = (action: 'apply' | 'recover', job: CommitJob) => new CommitProcess(library.file, action, job);

beforeAll(async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'rc-commit-library-'));
  library = { directory, file: await bundleLibrary(directory) };
  // The first commit of all makes them. The others then change the disk as often as each other.
  mkdirSync(path.join(process.env.XDG_STATE_HOME!, 'ripcord/commits'), { recursive: true, mode: 0o700 });
  await keyForSealing();
});

afterAll(() => rmSync(library.directory, { recursive: true }));

/** One of every kind of step. */
const BASE: Tree = {
  'same.txt': 'same',
  'changed.txt': 'old',
  'gone.txt': 'gone',
  'mode.sh': '#!/bin/sh',
  link: 'link:same.txt',
  swap: 'a file',
  dir: { x: '1', inner: { y: '2' } },
  emptied: { z: '3', sub: {} },
};
const RESULT: Tree = {
  'same.txt': 'same',
  'changed.txt': 'new!',
  'mode.sh': '#!/bin/sh',
  link: 'link:changed.txt',
  swap: { now: 'a directory' },
  dir: 'now a file',
  fresh: { deep: { n: 'n' }, e: {} },
};

interface Trial {
  base: string;
  result: string;
  target: string;
}

let trials = 0;

/** A new copy of the target; base and result are only read. */
function trial(base: Tree, result: Tree): Trial {
  if (!existsSync(temp('base'))) {
    writeTree(temp('base'), base);
    writeTree(temp('result'), result);
    if (existsSync(temp('result/mode.sh'))) withMode(temp('result/mode.sh'), 0o755);
  }
  const target = temp(`t${trials++}`, 'target');
  cpSync(temp('base'), target, { recursive: true, verbatimSymlinks: true });
  return { base: temp('base'), result: temp('result'), target };
}

/** @returns what the target turned out to be; it must be one of the two, with nothing else in it, and the history must agree */
async function judge(target: string, id: string | undefined, old: State, fresh: State): Promise<'old' | 'new'> {
  const state = stateOf(target);
  const isNew = JSON.stringify(state) === JSON.stringify(fresh);
  if (!isNew) expect(state).toEqual(old);
  const known = (await readCommits(target)).find((commit) => commit.id === id)?.state;
  if (isNew) expect(known).toBe('committed');
  else expect(['rolled-back', undefined]).toContain(known);
  return isNew ? 'new' : 'old';
}

async function inParallel(count: number, work: (index: number) => Promise<void>, step = 1): Promise<void> {
  // The first and the last always.
  const indices = Array.from({ length: count }, (_, index) => index).filter((i) => i % step === 0 || i === count - 1);
  await Promise.all(
    Array.from({ length: PARALLEL }, async () => {
      for (let index = indices.shift(); index !== undefined; index = indices.shift()) await work(index);
    }),
  );
}

/** Returns the state before and after an undisturbed commit, and its number of calls. */
async function undisturbed(base: Tree, result: Tree): Promise<{ old: State; fresh: State; calls: number; ms: number }> {
  const job = trial(base, result);
  const old = stateOf(job.target);
  const child = commitProcess('apply', { ...job, hold: true });
  await child.heard();
  const started = performance.now();
  child.go();
  expect(await child.ended()).toBe('completed');
  const ms = performance.now() - started;
  const fresh = stateOf(job.target);
  expect(fresh).toEqual(stateOf(job.result));
  expect(fresh).not.toEqual(old);
  return { old, fresh, calls: child.said[1]!.calls!, ms };
}

describe('a commit killed', () => {
  it('before a single change of the disk, be it which it may, is wholly old or wholly new', {
    timeout: 6 * MINUTE,
  }, async () => {
    const { old, fresh, calls } = await undisturbed(BASE, RESULT);
    expect(calls).toBeGreaterThan(60);
    const ends: string[] = [];
    await inParallel(
      calls,
      async (index) => {
        const job = trial(BASE, RESULT);
        const child = commitProcess('apply', { ...job, killAt: index + 1 });
        expect(await child.ended()).toBe('killed');
        const { id } = child.said[0]!;
        const before = (await readCommits(job.target)).find((commit) => commit.id === id)?.state;
        const { outcome } = await recoverCommit(job.target);
        ends[index] = await judge(job.target, id, old, fresh);
        // The journal's state before recovery decides the outcome.
        if (before === 'applying') expect([outcome, ends[index]]).toEqual(['rolled-back', 'old']);
        if (before === 'committed') expect(ends[index]).toBe('new');
        if (before === undefined) expect(ends[index]).toBe('old');
        expect(await recoverCommit(job.target)).toMatchObject({ outcome: 'nothing' });
        rmSync(path.dirname(job.target), { recursive: true });
      },
      STEP,
    );
    expect(ends[0]).toBe('old');
    expect(ends.at(-1)).toBe('new');
    expect(ends.filter(Boolean).join(' ')).toMatch(/^(old ?)+(new ?)+$/);
  });

  it.each([
    ['does not exist', false],
    ['is empty', true],
  ])(
    'while a target that %s receives a seed and its changes, leaves it empty or whole',
    {
      timeout: 6 * MINUTE,
    },
    async (_, exists) => {
      const fresh = () => {
        const { base, result, target } = trial(BASE, RESULT);
        rmSync(target, { recursive: true });
        if (exists) mkdirSync(target);
        return { base, result, target, withSeed: true };
      };
      const first = fresh();
      const whole = commitProcess('apply', first);
      expect(await whole.ended()).toBe('completed');
      expect(stateOf(first.target)).toEqual(stateOf(first.result));
      const ends = new Set<string>();
      await inParallel(
        whole.said[1]!.calls!,
        async (index) => {
          const job = fresh();
          const child = commitProcess('apply', { ...job, killAt: index + 1 });
          expect(await child.ended()).toBe('killed');
          await recoverCommit(job.target);
          if (existsSync(job.target)) {
            ends.add(await judge(job.target, child.said[0]!.id, {}, stateOf(job.result)));
          }
          rmSync(path.dirname(job.target), { recursive: true });
        },
        4 * STEP,
      );
      expect(ends).toEqual(new Set(['old', 'new']));
    },
  );

  it('at random moments, with 200 changes, is wholly old or wholly new', {
    timeout: MINUTE + KILLS * 10_000,
  }, async () => {
    const many = (of: (i: number) => string): Tree =>
      Object.fromEntries(
        Array.from({ length: 10 }, (_, d) => [
          `d${d}`,
          Object.fromEntries(Array.from({ length: 15 }, (_, f) => [`f${f}`, of(d * 15 + f)])),
        ]),
      );
    const base: Tree = {
      ...many((i) => `old ${i}`),
      gone: Object.fromEntries(Array.from({ length: 24 }, (_, i) => [`g${i}`, 'x'])),
    };
    const result: Tree = {
      ...many((i) => `new ${i} ${'x'.repeat(i * 10)}`),
      added: Object.fromEntries(Array.from({ length: 24 }, (_, i) => [`a${i}`, `y${i}`])),
    };
    await undisturbed(base, result);
    // The first time takes longest: what has ended by itself says how long it takes at most.
    const { old, fresh, ms } = await undisturbed(base, result);
    let longest = ms;
    const seen = { old: 0, new: 0, killed: 0 };
    await inParallel(KILLS, async () => {
      const job = trial(base, result);
      const child = commitProcess('apply', { ...job, hold: true });
      const { id } = await child.heard();
      child.go();
      const wait = Math.random() * longest * 1.2;
      await sleep(wait);
      child.kill();
      if ((await child.ended()) === 'killed') seen.killed += 1;
      else longest = Math.min(longest, wait);
      await recoverCommit(job.target);
      seen[await judge(job.target, id, old, fresh)] += 1;
      rmSync(path.dirname(job.target), { recursive: true });
    });
    console.log(`killed ${seen.killed} of ${KILLS}: ${seen.old} wholly old, ${seen.new} wholly new`);
    expect(seen.killed).toBeGreaterThan(KILLS / 3);
  });
});

describe('a recovery killed', () => {
  it('again and again, one change further each time, comes to its end', { timeout: 6 * MINUTE }, async () => {
    const { old, fresh, calls } = await undisturbed(BASE, RESULT);
    const points = scaled([0.65], [0.45, 0.65, 0.85]).map((part) => Math.round(calls * part));
    await inParallel(points.length, async (index) => {
      const job = trial(BASE, RESULT);
      const child = commitProcess('apply', { ...job, killAt: points[index]! });
      expect(await child.ended()).toBe('killed');
      for (let killAt = 1; ; killAt += 1) {
        const recovery = commitProcess('recover', { target: job.target, killAt });
        if ((await recovery.ended()) === 'completed') break;
      }
      await judge(job.target, child.said[0]!.id, old, fresh);
      rmSync(path.dirname(job.target), { recursive: true });
    });
  });

  it('before a single change of the disk, then run again, restores the old', { timeout: 6 * MINUTE }, async () => {
    const { old, fresh, calls } = await undisturbed(BASE, RESULT);
    // Late, but not complete: as much as possible is to be undone.
    const prepare = async () => {
      for (let killAt = calls; ; killAt -= 1) {
        const job = trial(BASE, RESULT);
        const child = commitProcess('apply', { ...job, killAt });
        await child.ended();
        const { id } = child.said[0]!;
        if ((await readCommits(job.target)).find((commit) => commit.id === id)?.state === 'applying')
          return { job, id };
      }
    };
    const { job, id } = await prepare();
    const copyOf = (): string => {
      const copy = temp(`c${trials++}`, 'target');
      // Hard links are part of the state: cp -a keeps them, cpSync does not, and neither keeps inode numbers.
      mkdirSync(path.dirname(copy));
      cpSync(job.target, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
      return copy;
    };
    const whole = commitProcess('recover', { target: copyOf() });
    expect(await whole.ended()).toBe('completed');
    const total = whole.said[0]!.calls!;
    expect(total).toBeGreaterThan(20);
    await inParallel(
      total,
      async (index) => {
        const target = copyOf();
        expect(await commitProcess('recover', { target, killAt: index + 1 }).ended()).toBe('killed');
        await recoverCommit(target);
        expect(await judge(target, id, old, fresh)).toBe('old');
        rmSync(path.dirname(target), { recursive: true });
      },
      STEP,
    );
  });
});

describe('a commit killed when it had written, and not ended,', () => {
  it('leaves what undoing it takes in the target; what others write meanwhile is moved where they see it', {
    timeout: 2 * MINUTE,
  }, async () => {
    const { old, calls } = await undisturbed(BASE, RESULT);
    const killed = async () => {
      for (let killAt = calls; ; killAt -= 1) {
        const job = trial(BASE, RESULT);
        const child = commitProcess('apply', { ...job, killAt });
        await child.ended();
        const [commit] = (await readCommits(job.target)).filter(({ state }) => state === 'applying');
        if (commit !== undefined) return { target: job.target, id: commit.id };
      }
    };
    const { target, id } = await killed();
    expect(readdirSync(path.join(target, '.ripcord')).sort()).toEqual(['.gitignore', `commit-${id}`, 'lock']);
    expect(readdirSync(path.join(target, '.ripcord', `commit-${id}`)).sort()).toEqual(['intent', 'new', 'old']);
    writeFileSync(path.join(target, 'changed.txt'), 'new work');
    const { outcome, displaced } = await recoverCommit(target);
    expect([outcome, displaced.map(({ path: at }) => at)]).toEqual(['rolled-back', ['changed.txt']]);
    const { movedTo } = displaced[0]!;
    expect(movedTo).toMatch(new RegExp(`^ripcord-displaced-${id}/[0-9a-f]{8}-changed\\.txt$`));
    expect(readFileSync(path.join(target, movedTo!), 'utf8')).toBe('new work');
    rmSync(path.join(target, path.dirname(movedTo!)), { recursive: true });
    expect(stateOf(target)).toEqual(old);
    expect(await readCommits(target)).toMatchObject([{ id, state: 'rolled-back' }]);
  });
});

describe('while a commit is applied', () => {
  it('readers see the old file or the new one, never none and never half of one', { timeout: 2 * MINUTE }, async () => {
    const text = (of: string) => `${of} `.repeat(20_000);
    const names = Array.from({ length: 40 }, (_, i) => `f${i}`);
    const tree = (of: string): Tree => Object.fromEntries(names.map((name) => [name, text(of)]));
    const job = trial(tree('old'), tree('new'));
    const child = commitProcess('apply', { ...job, hold: true });
    await child.heard();
    let running = true;
    const ended = child.ended().finally(() => {
      running = false;
    });
    child.go();
    const seen = new Set<string>();
    while (running) {
      for (const name of names) seen.add(readFileSync(path.join(job.target, name), 'utf8'));
      await sleep(0);
    }
    expect(await ended).toBe('completed');
    for (const name of names) seen.add(readFileSync(path.join(job.target, name), 'utf8'));
    expect([...seen].sort()).toEqual([text('new'), text('old')]);
  });

  it('a directory swapped for a link, at any point, takes nothing elsewhere', { timeout: 4 * MINUTE }, async () => {
    const files = (of: string): Tree => ({ f0: `${of} 0`, f1: `${of} 1`, f2: `${of} 2` });
    const base: Tree = { d: { ...files('old'), gone: 'g', sub: { x: 'x' } } };
    const result: Tree = { d: { ...files('new'), added: 'a', made: { n: 'n' } } };
    const { old, fresh, calls } = await undisturbed(base, result);
    const ends = new Map<string, number>();
    await inParallel(
      calls,
      async (index) => {
        const job = trial(base, result);
        const beside = path.dirname(job.target);
        const outside = writeTree(path.join(beside, 'outside'), { ...files('old'), gone: 'g', sub: { x: 'x' } });
        const canary = stateOf(outside);
        const swap = {
          at: index + 1,
          directory: path.join(job.target, 'd'),
          aside: path.join(beside, 'aside'),
          link: outside,
        };
        const child = commitProcess('apply', { ...job, swap });
        const end = await child
          .ended()
          .catch((error: Error) => /Commit[A-Za-z]*Error/.exec(error.message)?.[0] ?? error.message);
        ends.set(end, (ends.get(end) ?? 0) + 1);
        expect(stateOf(outside)).toEqual(canary);
        // The attacker restores the directory: the commit is then undone, or complete.
        if (lstatSync(swap.directory).isSymbolicLink()) {
          unlinkSync(swap.directory);
          renameSync(swap.aside, swap.directory);
        }
        await recoverCommit(job.target);
        await judge(job.target, child.said[0]!.id, old, fresh);
        rmSync(beside, { recursive: true });
      },
      STEP,
    );
    // Seen before anything was written; while it was, and then it can only be undone later; after the last write.
    expect([...ends.keys()].filter((end) => end !== 'CommitConflictError').sort()).toEqual([
      'CommitError',
      'CommitRefusedError',
      'completed',
    ]);
  });
});
