/**
 * Records data/humaneval-mutations.json: for every HumanEval solution its first small mutation that the problem's tests
 * tell from the original by a wrong answer or an error, not by time. Run again only when the data or the mutations
 * change.
 */
import { writeFileSync } from 'node:fs';
import { runTests, SandboxManager } from 'ripcord-sandbox';
import { inParallel } from '../dist/cli/jobs/humaneval/campaign.js';
import { readProblems } from '../dist/cli/jobs/humaneval/problems.js';
import { applyMutation, mutationsOf } from '../dist/cli/jobs/tournament/mutations.js';

const recorded = new Map();
const problems = await readProblems();
const manager = await SandboxManager.open();
try {
  await inParallel(problems.values(), 4, new AbortController().signal, async (problem) => {
    const sandbox = await manager.create();
    try {
      for (const mutation of mutationsOf(problem.canonical_solution)) {
        await sandbox.files.write('mutant.py', problem.prompt + applyMutation(problem.canonical_solution, mutation));
        const { passed, ended, reason } = await runTests(sandbox, {
          kind: 'calls',
          module: 'mutant',
          functions: [problem.entry_point],
          setup: problem.prompt,
          tests: problem.test,
          timeoutMs: 5000,
        });
        if (passed || ended || !/^check (failed|error)/.test(reason)) continue;
        recorded.set(problem.task_id, mutation);
        console.log(problem.task_id, JSON.stringify(mutation), reason.slice(0, 100));
        return;
      }
      console.log(problem.task_id, 'has no mutation its tests notice');
      process.exitCode = 1;
    } finally {
      await sandbox.close();
    }
  });
} finally {
  await manager.close();
}
const ordered = problems
  .filter(({ task_id }) => recorded.has(task_id))
  .map(({ task_id }) => [task_id, recorded.get(task_id)]);
const lines = ordered.map(([id, mutation]) => `  ${JSON.stringify(id)}: ${JSON.stringify(mutation)}`);
writeFileSync(new URL('../data/humaneval-mutations.json', import.meta.url), `{\n${lines.join(',\n')}\n}\n`);
console.log(`${ordered.length} of ${problems.length} recorded`);
