/**
 * A project with failing tests, repaired by a scripted proposer: each strategy is a small edit, and no single one is
 * enough. Branches compete, the best one's files are the next iteration's base, and memory knows which edits it has.
 */
import { cpSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runTests } from 'ripcord-sandbox';

const project = fileURLToPath(new URL('./project', import.meta.url));
// The example stays broken: what is repaired is a copy.
const target = process.env.RIPCORD_TARGET ?? 'out/repair';
cpSync(project, target, { recursive: true });

const EDITS = {
  'round the median': ['return ordered[middle]', 'return round(ordered[middle])'],
  'average the middle two': [
    'return ordered[middle]',
    'return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2',
  ],
  'refuse an empty list': [
    'return sum(values)',
    'if not values:\n        raise ValueError("no values")\n    return sum(values)',
  ],
};

export const task = 'Make the tests of this project pass.';

/** @type {import('ripcord-sandbox').ExecutorOptions<string, { name: string }, string, import('ripcord-sandbox').TestReport>} */
export const options = {
  target,
  keepBest: true,
  maxIterations: 3,
  // Kept repairs are in the base; the others are tried again on top of it.
  strategize: ({ memory }) => {
    const kept = memory.notes.kept ?? [];
    return Object.keys(EDITS)
      .filter((name) => !kept.includes(name))
      .map((name) => ({ name }));
  },
  remember: ({ memory, branches, decision, iteration }) => {
    const best = branches.toSorted((a, b) => (b.verification?.score ?? 0) - (a.verification?.score ?? 0))[0];
    if (decision.accept === undefined && best) memory.notes.kept = [...(memory.notes.kept ?? []), best.strategy.name];
    for (const { branch, strategy, status, verification } of branches) {
      memory.learn({ iteration, branch, strategy, outcome: status, reason: verification?.reason ?? status });
    }
  },
  propose: async ({ sandbox, strategy }) => {
    const source = await sandbox.files.readText('stats.py');
    const [before, after] = EDITS[strategy.name];
    await sandbox.files.write('stats.py', source.replace(before, after));
    return strategy.name;
  },
  verify: ({ sandbox }) =>
    runTests(sandbox, {
      kind: 'pytest',
      // The tests of the project as they are on the host: what a branch made of them does not matter.
      tests: { 'test_stats.py': readFileSync(`${project}/test_stats.py`, 'utf8') },
    }),
};
