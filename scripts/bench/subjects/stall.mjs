/** The longest turn of the host's event loop while it reads what hostile sandboxes wrote, at the largest input allowed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { importCompiled } from '../../setup/paths.mjs';
import { outputOf } from '../ripcord.mjs';

export const title = 'The event loop while hostile workspaces are read';

const MAX_TURN_MS = 50;
const MAX_RSS_MIB = 512;
const MIB = 1024 ** 2;

/** 90,000 files with paths as long as the limit on them allows. */
const MANY_FILES = `
import os
for d in range(90):
    os.makedirs(f'many/directory-{d:03}')
    for f in range(1000): open(f'many/directory-{d:03}/' + f'{f:04}'.rjust(60, 'f'), 'w').close()
`;
const PATTERNS = `
open('.gitignore', 'w').write(''.join(f'*q{i}*z\\n' for i in range(15000)))
for i in range(9000): open(f'{i}'.rjust(100, 'q'), 'w').close()
`;
const LONG_PATHS = `
import os
here = '/workspace'
for i in range(14):
    os.mkdir('d' * 250); os.chdir('d' * 250)
for i in range(99900): os.mknod(f'{i}'.rjust(250, 'f'))
`;
const TEXTS = (factor) => `
import random
random.seed(${factor})
for i in range(8): open(f'text{i}', 'w').write(''.join(f'{random.random()}\\n' for _ in range(50000)))
`;
const TAP = `
import sys
sys.stdout.write('ok 1 - x\\n  ---\\n')
for _ in range(8): sys.stdout.write('  a: b\\n' * (1024 * 1024 // 7))
sys.stdout.write('  ...\\n1..1\\n')
`;

const { IterationExecutor, runTests } = await importCompiled('index.js');

export async function run({ context, report, quick }) {
  const manager = await context.openManager();
  const options = { image: 'python', limits: { memory: '1g', files: 200_000 } };
  const fill = async (program, more = {}) => {
    const sandbox = await manager.create({ ...options, ...more });
    outputOf(await sandbox.exec(['python3', '-c', program]));
    return sandbox;
  };
  const turns = {};
  const measure = async (what, work) => {
    turns[what] = [await longestTurn(work)];
    console.log(`  ${what}: ${turns[what][0].toFixed(0)} ms`);
  };

  const many = await fill(MANY_FILES);
  await measure('diff of 90,000 files', () => many.diff());
  await measure('download of 90,000 files', () => many.files.download('.', context.makeDirectory()));
  await measure('list of 90,000 files', () => many.files.list('.', { depth: Number.POSITIVE_INFINITY }));
  await measure('commit of 90,000 files planned', () => many.prepareCommit(context.makeDirectory()));
  await many.close();

  const seed = context.makeDirectory();
  mkdirSync(join(seed, 'sub'));
  for (let i = 0; i < 8; i++)
    writeFileSync(join(seed, `text${i}`), Array.from({ length: 50_000 }, (_, n) => n * i).join('\n'));
  const texts = await fill(TEXTS(1), { workspace: { seed } });
  await measure('unified diff of 8 texts of 50,000 lines', async () => (await texts.prepareCommit(seed)).unifiedDiff());
  await texts.close();

  await measure('a branch with 15,000 patterns and 9,000 files', () =>
    branch(manager, options, PATTERNS, quick ? 1 : 2),
  );

  const tap = await fill('pass');
  await measure('a TAP report of 8 MiB', () =>
    runTests(tap, { kind: 'command', command: ['python3', '-c', TAP], report: 'tap', expect: 1 }).catch(() => {}),
  );
  await tap.close();
  report.samples(turns, { title: 'longest turn' });
  for (const [what, [ms]] of Object.entries(turns)) report.check(what, ms, '<=', MAX_TURN_MS, ' ms');

  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 20);
  await branch(manager, options, LONG_PATHS, quick ? 2 : 10).finally(() => clearInterval(timer));
  report.check('memory for 10 branches of long paths', (most - before) / MIB, '<=', MAX_RSS_MIB, ' MiB');
}

/** So many branches at once that run `program` in their sandboxes. */
async function branch(manager, options, program, count) {
  await new IterationExecutor(manager, {
    maxIterations: 1,
    sandbox: options,
    commitMode: 'never',
    strategize: () => Array.from({ length: count }, (_, i) => ({ name: `${i}` })),
    propose: async ({ sandbox }) => void outputOf(await sandbox.exec(['python3', '-c', program])),
    verify: () => ({ passed: false }),
  }).run('');
}

/** Milliseconds; what came before is waited for first. */
async function longestTurn(work) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const startedAt = performance.now();
  delay.enable();
  await work();
  delay.disable();
  return Math.min(delay.max / 1e6, performance.now() - startedAt);
}
