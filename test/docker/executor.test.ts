/** The iteration executor on the engine: branches in sandboxes, commits, kept bases, aborts, leftovers. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ApprovalRequest,
  IterationExecutor,
  type ManagerEvent,
  type RunEvent,
  runTests,
  type Sandbox,
  TaskAbortedError,
  TaskController,
} from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { deferred } from '../../src/base/abort.js';
import { containersOf } from '../helpers/audit.js';
import { makeTempDir } from '../helpers/fixtures.js';
import { useManager } from '../helpers/sandbox.js';

const under = useManager();

const TESTS = 'def check(candidate):\n    assert candidate(2, 3) == 5\n    assert candidate(-1, 1) == 0\n';
const check = (sandbox: Sandbox) =>
  runTests(sandbox, { kind: 'calls', module: 'calc', functions: ['add'], tests: TESTS });

/** A project with a failing test. */
async function project() {
  const directory = await makeTempDir('target');
  await writeFile(join(directory.path, 'calc.py'), 'def add(a, b):\n    return a - b\n');
  await mkdir(join(directory.path, 'docs'));
  await writeFile(join(directory.path, 'docs/notes.txt'), 'notes\n');
  return directory;
}

const SOLUTIONS: Record<string, string> = {
  wrong: 'def add(a, b):\n    return a * b\n',
  crashing: 'raise SystemExit(0)\n',
  right: 'def add(a, b):\n    return a + b\n',
};
const strategies = Object.keys(SOLUTIONS).map((name) => ({ name }));
const write = (sandbox: Sandbox, name: string) => sandbox.files.write('calc.py', SOLUTIONS[name]!);

/** A process of its own, for a signal of its own. */
const INTERRUPTED = `
import { IterationExecutor, SandboxManager } from 'ripcord-sandbox'
const manager = await SandboxManager.open()
console.log('instance', manager.instance)
const executor = new IterationExecutor(manager, {
  branches: 2,
  propose: ({ sandbox }) => sandbox.exec("echo proposing; sleep 60", { onStdout: () => console.log('proposing') }),
  verify: () => ({ passed: true }),
})
const { status, finalOutput } = await executor.run('task', { abortOnSignals: true })
console.log(status, finalOutput)
await manager.close()
`;

describe('commit', () => {
  it('brings the winner to the target, and nothing of the others', async () => {
    await using target = await project();
    const executor = new IterationExecutor(under.manager, {
      target: target.path,
      strategize: () => strategies,
      propose: async ({ sandbox, strategy }) => {
        await write(sandbox, strategy.name);
        await sandbox.files.write(`by-${strategy.name}.txt`, strategy.name);
        await sandbox.exec(['python3', '-c', 'import calc']);
      },
      verify: ({ sandbox }) => check(sandbox),
    });
    const result = await executor.run('make add work');
    expect(result.status).toBe('accepted');
    expect(result.winner?.strategy.name).toBe('right');
    expect(result.commit?.status).toBe('committed');
    expect(result.commit?.changes.map(({ path, change }) => [path, change])).toEqual([
      ['by-right.txt', 'added'],
      ['calc.py', 'modified'],
    ]);
    expect(await readFile(join(target.path, 'calc.py'), 'utf8')).toBe(SOLUTIONS.right);
    expect((await readdir(target.path)).filter((name) => name.startsWith('by-'))).toEqual(['by-right.txt']);
    expect(result.finalOutput).toContain(`Committed to ${target.path}: 1 added, 1 modified.`);
    expect(result.receipts).toHaveLength(6);
    for (const { container, directory } of result.receipts) {
      expect([container.verifiedAbsent, directory.verifiedAbsent]).toEqual([true, true]);
    }
    expect(await containersOf(under.manager.instance)).toEqual([]);
  });

  it('asks first in manual mode, shows the diff, and goes on with the answer as feedback', async () => {
    await using target = await project();
    const asked: { diff: string; request: ApprovalRequest }[] = [];
    const feedback: (string | undefined)[] = [];
    const executor = new IterationExecutor(under.manager, {
      target: target.path,
      commitMode: 'manual',
      maxIterations: 2,
      branches: 1,
      approve: async (request) => {
        asked.push({ request, diff: await request.diff() });
        return { approve: asked.length === 2, feedback: 'add a comment' };
      },
      propose: async ({ sandbox, feedback: said }) => {
        feedback.push(said);
        await sandbox.files.write('calc.py', `${said ? `# ${said}\n` : ''}${SOLUTIONS.right}`);
      },
      verify: ({ sandbox }) => check(sandbox),
    });
    const result = await executor.run('make add work');
    expect(result.iterations.map(({ commit }) => commit?.status)).toEqual(['declined', 'committed']);
    expect(feedback).toEqual([undefined, 'add a comment']);
    expect(asked[0]!.diff).toContain('-    return a - b\n+    return a + b\n');
    expect(await readFile(join(target.path, 'calc.py'), 'utf8')).toBe(`# add a comment\n${SOLUTIONS.right}`);
  });

  it('writes nothing over what somebody else changed meanwhile, and says which file', async () => {
    await using target = await project();
    const executor = new IterationExecutor(under.manager, {
      target: target.path,
      maxIterations: 1,
      branches: 1,
      propose: async ({ sandbox }) => {
        await write(sandbox, 'right');
        await writeFile(join(target.path, 'calc.py'), '# mine\n');
      },
      verify: () => ({ passed: true }),
    });
    const result = await executor.run('make add work');
    expect(result.status).toBe('exhausted');
    expect(result.iterations[0]!.commit).toMatchObject({ status: 'conflict', issues: [{ path: 'calc.py' }] });
    expect(result.state.feedback).toContain('calc.py');
    expect(await readFile(join(target.path, 'calc.py'), 'utf8')).toBe('# mine\n');
  });

  it('writes no file that runs programs on the host unless allowed', async () => {
    await using target = await project();
    const run = (allow: string[]) =>
      new IterationExecutor(under.manager, {
        target: target.path,
        maxIterations: 1,
        branches: 1,
        commitRules: { allow },
        propose: ({ sandbox }) => sandbox.files.write('.envrc', 'echo hello\n'),
        verify: () => ({ passed: true }),
      }).run('leave something');
    const refused = await run([]);
    expect(refused.iterations[0]!.commit).toMatchObject({ status: 'flagged', issues: [{ path: '.envrc' }] });
    expect(await readdir(target.path)).not.toContain('.envrc');
    expect((await run(['.envrc'])).commit?.status).toBe('committed');
    expect(await readFile(join(target.path, '.envrc'), 'utf8')).toBe('echo hello\n');
  });
});

describe('verification', () => {
  it('happens in a fresh sandbox that holds the files and nothing else', async () => {
    const executor = new IterationExecutor(under.manager, {
      branches: 1,
      maxIterations: 1,
      propose: async ({ sandbox }) => {
        await sandbox.files.write('answer.txt', '42');
        await sandbox.exec(
          'echo secret > /tmp/left; mkdir -p ~/lib; echo x > ~/lib/left; mkdir __pycache__; touch __pycache__/x',
        );
        const server = await sandbox.spawn(['sleep', '600'], { stdin: 'ignore', detached: true });
        server.detach();
      },
      verify: async ({ sandbox }) => {
        const found = await sandbox.exec('ls -A /tmp ~; find . -type f -print; cat answer.txt; ps -A | grep -c sleep');
        return { passed: found.stdout.replaceAll(/^.*:\n|^$\n/gm, '') === '', reason: found.stdout };
      },
    });
    const { reason } = (await executor.run('task')).iterations[0]!.branches[0]!.verification!;
    expect(reason).toContain('./answer.txt');
    expect(reason).not.toContain('left');
    expect(reason).not.toContain('__pycache__');
    expect(reason!.trim().endsWith('420')).toBe(true);
  });

  it('judges exactly what is committed, whatever a process of the branch does meanwhile', async () => {
    await using target = await project();
    const executor = new IterationExecutor(under.manager, {
      target: target.path,
      branches: 1,
      maxIterations: 1,
      propose: async ({ sandbox }) => {
        await write(sandbox, 'right');
        const swapper = 'while :; do echo "evil = 1" > calc.py; done';
        const handle = await sandbox.spawn(swapper, { stdin: 'ignore', detached: true });
        handle.detach();
        await sandbox.exec('until grep -q evil calc.py; do :; done');
      },
      verify: ({ sandbox }) => check(sandbox),
    });
    const result = await executor.run('task');
    expect(result.status).toBe('exhausted');
    expect(await readFile(join(target.path, 'calc.py'), 'utf8')).toContain('a - b');
  });
});

describe('keepBest', () => {
  it('begins the next iteration with the best files of the one before, and commits all of it', async () => {
    await using target = await project();
    const seen: string[][] = [];
    const executor = new IterationExecutor(under.manager, {
      target: target.path,
      keepBest: true,
      maxIterations: 3,
      branches: 2,
      propose: async ({ sandbox, iteration, branch }) => {
        if (branch === 1)
          seen.push((await sandbox.files.list()).map(({ path }) => path).filter((path) => !path.startsWith('.')));
        await sandbox.files.write(`step-${iteration}-${branch}.txt`, 'done');
        if (iteration === 2 && branch === 2) await sandbox.files.remove('docs', { recursive: true });
      },
      verify: ({ iteration, branch }) => ({ passed: iteration === 3, score: branch }),
    });
    const result = await executor.run('task');
    expect(seen).toEqual([
      ['calc.py', 'docs'],
      ['calc.py', 'docs', 'step-1-2.txt'],
      ['calc.py', 'step-1-2.txt', 'step-2-2.txt'],
    ]);
    expect(result.commit?.status).toBe('committed');
    expect((await readdir(target.path)).filter((name) => !name.startsWith('.')).sort()).toEqual([
      'calc.py',
      'step-1-2.txt',
      'step-2-2.txt',
      'step-3-2.txt',
    ]);
  });

  it('merges the branches a decision keeps, in order, and reports what they disagree about', async () => {
    await using target = await project();
    let base = '';
    const executor = new IterationExecutor(under.manager, {
      target: target.path,
      commitMode: 'never',
      keepBest: true,
      maxIterations: 2,
      branches: 3,
      propose: async ({ sandbox, iteration, branch }) => {
        if (iteration === 2) {
          if (branch === 1) base = (await sandbox.exec('head -v -n 9 *.py *.txt')).stdout;
          return;
        }
        await sandbox.files.write(`only-${branch}.txt`, `of ${branch}\n`);
        await sandbox.files.write('same.txt', 'same\n');
        await sandbox.files.write('calc.py', `# by ${branch}\n`);
      },
      verify: () => ({ passed: false }),
      decide: ({ iteration }) => (iteration === 1 ? { keep: [3, 1], feedback: 'both are good' } : {}),
    });
    const result = await executor.run('task');
    expect(result.iterations[0]!.conflicts).toEqual([
      { path: 'calc.py', kept: 3, dropped: 1, reason: 'both changed it' },
    ]);
    expect(base).toContain('# by 3');
    expect(base).toContain('of 1');
    expect(base).toContain('of 3');
    expect(base).not.toContain('of 2');
  });
});

describe('abort', () => {
  /** Steps that are under way at the abort, each with the event that marks its start. */
  const POINTS: Record<string, (event: RunEvent, commands: number) => boolean> = {
    'creating sandboxes': (event) => event.type === 'phase.changed' && event.phase === 'create',
    proposing: (_, commands) => commands === 3,
    'taking a snapshot': (event) => event.type === 'phase.changed' && event.phase === 'snapshot',
    'creating the fresh sandbox': (event) => event.type === 'proposal' && event.branch === 2,
    verifying: (_, commands) => commands === 7,
    refining: (event) => event.type === 'phase.changed' && event.phase === 'refine',
    deciding: (event) => event.type === 'phase.changed' && event.phase === 'decide',
    'about to commit': (event) => event.type === 'commit.requested',
  };

  it.each(Object.keys(POINTS))('while %s: nothing begins afterwards, nothing is left', async (point) => {
    await using target = await project();
    const controller = new AbortController();
    let commands = 0;
    let settled = false;
    const late: string[] = [];
    const abort = () => {
      if (!controller.signal.aborted) setImmediate(() => controller.abort(new Error('enough')));
    };
    const follow = (event: ManagerEvent) => {
      if (event.type !== 'command.started' && event.type !== 'sandbox.creating') return;
      if (settled) late.push(event.type);
      if (event.type === 'command.started' && POINTS[point]!({ type: 'log' } as RunEvent, ++commands)) abort();
    };
    under.manager.on('event', follow);
    const refused: unknown[] = [];
    const executor = new IterationExecutor(under.manager, {
      target: target.path,
      maxIterations: 2,
      branches: 3,
      maxRefinements: 1,
      propose: async ({ sandbox, strategy }) => {
        await write(sandbox, 'right');
        await sandbox.exec(['sleep', strategy.name === 'branch 3' ? '0.6' : '0.2']);
        // Ignores the signal on purpose.
        for (;;) {
          try {
            await sandbox.files.write('more.txt', 'more');
            return;
          } catch (error) {
            refused.push(error);
            if (refused.length > 20) return;
          }
        }
      },
      refine: async ({ sandbox }) => {
        await sandbox.exec('sleep 0.2');
      },
      verify: async ({ sandbox, refinement }) => {
        await sandbox.exec('sleep 0.2');
        return { passed: refinement > 0 };
      },
      unwindMs: 50,
    });
    const startedAt = performance.now();
    let abortedAt = 0;
    controller.signal.addEventListener('abort', () => (abortedAt = performance.now()));
    const result = await executor.run('task', {
      signal: controller.signal,
      onEvent: (event) => {
        if (POINTS[point]!(event, -1)) abort();
      },
    });
    settled = true;
    const settledMs = performance.now() - abortedAt;
    try {
      expect(result.status, `${performance.now() - startedAt}`).toBe('aborted');
      expect(result.finalOutput).toBe('Aborted (enough) before the first iteration was complete.');
      expect(result.state.nextIteration).toBe(1);
      expect(await readFile(join(target.path, 'calc.py'), 'utf8')).toContain('a - b');
      expect(await containersOf(under.manager.instance)).toEqual([]);
      expect(under.manager.list()).toEqual([]);
      for (const { container, errors } of result.receipts) {
        expect([container.verifiedAbsent, errors]).toEqual([true, []]);
      }
      for (const error of refused) expect(error).toBeInstanceOf(TaskAbortedError);
      console.log(`abort while ${point}: settled in ${settledMs.toFixed(0)} ms`);
      await sleep(100);
      expect(late).toEqual([]);
    } finally {
      under.manager.off('event', follow);
    }
  });

  it('by Ctrl+C: the run resolves, nothing is left, and the process goes on', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', INTERRUPTED], {
      cwd: join(import.meta.dirname, '../..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    let interrupted = false;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      // Once: a second one that comes when the run is over ends the process.
      if (!interrupted && out.includes('proposing')) interrupted = child.kill('SIGINT');
    });
    const [code, signal] = await once(child, 'close');
    expect(out).toContain('aborted Aborted (Interrupted by SIGINT) before the first iteration was complete.');
    expect([code, signal]).toEqual([0, null]);
    const instance = /instance (\w+)/.exec(out)![1]!;
    expect(await containersOf(instance)).toEqual([]);
  });

  it('gives a function that ignores its signal TaskAbortedError from everything', async () => {
    const controller = new AbortController();
    const errors: unknown[] = [];
    const over = deferred<void>();
    const finished = deferred<void>();
    const executor = new IterationExecutor(under.manager, {
      branches: 1,
      unwindMs: 0,
      propose: async ({ sandbox, external }) => {
        controller.abort(new Error('stop'));
        await over.promise;
        const calls = [
          () => sandbox.exec('true'),
          () => sandbox.spawn('true'),
          () => sandbox.runCode('1'),
          () => sandbox.files.write('a', 'b'),
          () => sandbox.files.read('a'),
          () => sandbox.files.upload('/etc/hostname'),
          () => sandbox.files.download('.', '/tmp/never'),
          () => sandbox.diff(),
          async () => sandbox.stats(),
          () => external('x', () => 1),
        ];
        for (const call of calls) await call().catch((error: unknown) => errors.push(error));
        finished.resolve();
      },
      verify: () => ({ passed: true }),
    });
    const result = await executor.run('task', { signal: controller.signal });
    over.resolve();
    expect(result.abort?.abandoned).toEqual(['propose of branch 1, iteration 1']);
    await finished.promise;
    expect(errors).toHaveLength(10);
    for (const error of errors) expect(error).toBeInstanceOf(TaskAbortedError);
  });

  it('refuses calls a step did not wait for', async () => {
    let forgotten!: Sandbox;
    const executor = new IterationExecutor(under.manager, {
      branches: 1,
      maxIterations: 1,
      propose: ({ sandbox }) => {
        forgotten = sandbox;
      },
      verify: () => forgotten.exec('true').then(() => ({ passed: true })),
    });
    const result = await executor.run('task');
    expect(result.iterations[0]!.branches[0]!.error?.message).toContain('propose of branch 1, iteration 1 is over');
  });
});

describe('TaskController', () => {
  it('runs many tasks with one limit on their sandboxes', async () => {
    let most = 0;
    const follow = () => {
      most = Math.max(most, under.manager.list().length);
    };
    under.manager.on('event', follow);
    const executor = new IterationExecutor<string>(under.manager, {
      branches: 2,
      maxIterations: 1,
      propose: ({ sandbox, task }) => sandbox.files.write('task.txt', task),
      verify: async ({ sandbox, task }) => ({ passed: (await sandbox.files.readText('task.txt')) === task }),
    });
    const controller = new TaskController(executor, { maxSandboxes: 4 });
    const handles = ['a', 'b', 'c', 'd'].map((task) => controller.start(task));
    const results = await Promise.all(handles.map(({ result }) => result));
    under.manager.off('event', follow);
    expect(results.map(({ status }) => status)).toEqual(Array(4).fill('accepted'));
    expect(most).toBeLessThanOrEqual(4);
    expect(most).toBeGreaterThan(1);
  });

  it('aborts within the grace and says so', async () => {
    const executor = new IterationExecutor<string>(under.manager, {
      branches: 4,
      propose: ({ sandbox }) => sandbox.exec('sleep 60'),
      verify: () => ({ passed: false }),
      output: 'live',
    });
    await using controller = new TaskController(executor);
    const handle = controller.start('task');
    for await (const event of handle.events()) if (event.type === 'phase.changed' && event.phase === 'propose') break;
    const answer = await handle.abort({ graceMs: 10_000, reason: 'changed my mind' });
    expect(answer).toMatchObject({ settled: true, state: 'aborted' });
    console.log(`TaskController.abort: ${answer.waitedMs.toFixed(0)} ms with 4 branches`);
    expect(await containersOf(under.manager.instance)).toEqual([]);
    expect((await handle.result).finalOutput).toContain('changed my mind');
  });
});

it('tells output as events: the end of it, without control sequences', async () => {
  const events: RunEvent[] = [];
  const executor = new IterationExecutor(under.manager, {
    branches: 1,
    maxIterations: 1,
    propose: ({ sandbox }) => sandbox.exec("printf '\\033[31mred\\033[0m\\n'; seq 1 10000 >&2"),
    verify: () => ({ passed: false }),
  });
  await executor.run('task', { onEvent: (event) => events.push(event) });
  const output = events.flatMap((event) => (event.type === 'output' ? [event] : []));
  expect(output).toMatchObject([
    { channel: 'stdout', text: 'red\n', omittedBytes: 0, branch: 1 },
    { channel: 'stderr', branch: 1 },
  ]);
  expect(output[1]!.text.endsWith('\n9999\n10000\n')).toBe(true);
  expect(output[1]!.omittedBytes + Buffer.byteLength(output[1]!.text)).toBe(48_894);
});
