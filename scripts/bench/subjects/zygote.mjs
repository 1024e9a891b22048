/**
 * Warm interpreters: a python program in a fork of a warm one, in a fresh one of the same sandbox, and as a plain
 * subprocess of the host without any sandbox; then the 164 HumanEval problems, each way at its best concurrency.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { judgingProgram, readProblems } from '../../../dist/jobs/humaneval/problems.js';
import { inTurns, pairedRatio, quantile } from '../measure.mjs';
import { check, printTimes } from '../report.mjs';

export const title = 'warm interpreters: python';

const PROGRAM = 'from typing import List\nprint(6 * 7)\n';
const PROOF = 'passed';
const CONCURRENCIES = [1, 2, 4];
const execute = promisify(execFile);
const median = (values) => quantile(values, 0.5);

/** The interpreter itself: `python3` may be a script that looks for one. */
function hostPython() {
  return execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
}

/** Calls `work` on every item, so many at once. */
async function inParallel(items, atOnce, work) {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

async function measure({ manager, quick }, python, directory) {
  const cpus = os.availableParallelism();
  const sandbox = await manager.create({ image: 'python', warm: true, limits: { cpus } });
  try {
    if (!(await sandbox.warmUp())) throw new Error('no warm interpreter in this sandbox');
    const inSandbox = (warm) => async (program, proof) => {
      const result = await sandbox.runCode(program, { warm, timeoutMs: 30_000 });
      if ((result.warm ?? false) !== warm || !result.stdout.endsWith(`${proof}\n`)) {
        throw new Error(`${warm ? 'warm' : 'fresh'}: ${JSON.stringify(result).slice(0, 500)}`);
      }
    };
    let files = 0;
    const onHost = async (program, proof) => {
      const file = join(directory, `${files++}.py`);
      await writeFile(file, program);
      const { stdout } = await execute(python, [file], { timeout: 30_000 });
      if (!stdout.endsWith(`${proof}\n`)) throw new Error(`host: ${stdout.slice(-500)}`);
      await rm(file);
    };
    const ways = { warm: inSandbox(true), 'fresh in a sandbox': inSandbox(false), 'host subprocess': onHost };
    const times = await inTurns(
      Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, () => way(PROGRAM, '42')])),
      { rounds: quick ? 20 : 100, warmup: 3 },
    );
    printTimes(times);
    const checks = [
      check('fresh / warm', pairedRatio(times['fresh in a sandbox'], times.warm), '>=', 2, '×'),
      check('host subprocess / warm', pairedRatio(times['host subprocess'], times.warm), '>=', 2, '×'),
    ];

    const programs = (await readProblems()).map((problem) => judgingProgram(problem, PROOF));
    const rounds = quick ? 1 : 5;
    const totals = {};
    for (let round = 0; round < rounds; round++) {
      for (const atOnce of CONCURRENCIES) {
        for (const [name, way] of Object.entries(ways)) {
          const start = performance.now();
          await inParallel(programs, atOnce, (program) => way(program, PROOF));
          ((totals[name] ??= {})[atOnce] ??= []).push(performance.now() - start);
        }
      }
    }
    const best = {};
    for (const [name, byConcurrency] of Object.entries(totals)) {
      const medians = Object.entries(byConcurrency).map(([atOnce, values]) => [atOnce, median(values)]);
      best[name] = medians.reduce((a, b) => (b[1] < a[1] ? b : a))[0];
      const words = medians.map(([atOnce, ms]) => `${atOnce} at once ${(ms / 1000).toFixed(2)} s`);
      console.log(`  HumanEval-164, ${name}: ${words.join(', ')} (median of ${rounds})`);
    }
    const bestOf = (name) => totals[name][best[name]];
    checks.push(
      check('HumanEval-164: host / warm', pairedRatio(bestOf('host subprocess'), bestOf('warm')), '>=', 2.5, '×'),
    );
    return checks;
  } finally {
    await sandbox.close();
  }
}

export async function run(context) {
  const directory = await mkdtemp(join(os.tmpdir(), 'ripcord-bench-zygote-'));
  try {
    return await measure(context, hostPython(), directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
