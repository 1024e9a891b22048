/** Battery 63–68: what one task leaves for the next in a sandbox that is used again. It sees nothing, or another sandbox. */
import { readFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import type { CreateOptions, Sandbox, SandboxManager } from 'ripcord-sandbox';
import { expect } from 'vitest';
import { isThere } from '../helpers/audit.js';
import { repeats } from '../helpers/chaos/measure.js';
import { battery } from '../helpers/hostile.js';
import { Output } from '../helpers/sandbox.js';

const source = (program: string) => readFileSync(new URL(`programs/${program}`, import.meta.url));
const OPTIONS: CreateOptions = {
  image: 'python',
  limits: { memory: '512m', workspace: '64m', tmp: '32m', cpus: 2, files: 20_000 },
};

/** Tasks of one trust domain, in a manager of the battery. */
class Tasks {
  readonly #manager: SandboxManager;
  readonly #domain: string;

  constructor(manager: SandboxManager, domain: string) {
    this.#manager = manager;
    this.#domain = `${domain} ${Math.random()}`;
  }

  next(): Promise<Sandbox> {
    return this.#manager.create({ ...OPTIONS, reuse: this.#domain });
  }
}

const container = (sandbox: Sandbox) => sandbox.parts.container.name;

async function look(sandbox: Sandbox): Promise<string> {
  await sandbox.files.write('program/find-traces.py', source('find-traces.py'));
  const { stdout, stderr } = await sandbox.exec(['python3', '-B', '/workspace/program/find-traces.py']);
  expect(stderr).toBe('');
  return stdout;
}

/** Lets the program leave its traces: to its end, or, with `stay`, to be killed with its hands full. */
async function leave(sandbox: Sandbox, what: string, stay: boolean): Promise<void> {
  // The program is an argument, because it removes the files of the workspace.
  const argv = ['python3', '-c', source('remember.py').toString(), what, ...(stay ? ['stay'] : [])];
  const output = new Output();
  const handle = await sandbox.spawn(argv, { stdin: 'ignore', detached: true });
  handle.stdout.on('data', output.take);
  handle.stderr.on('data', output.take);
  const ended = handle.wait();
  // A program started with `stay` ends with its sandbox.
  ended.catch(() => {});
  await Promise.race([output.seen('left\n'), finished(handle.stdout)]);
  if (!stay) await ended;
  expect(output.text).toContain('left\n');
  expect(output.text).not.toMatch(/wrote|worked/);
}

const UNDONE: [what: string, stay: boolean][] = [
  ['files', false],
  ['home', false],
  ['daemon', false],
  ['shared', true],
  ['queues', false],
  ['sockets', true],
  ['reset_connection', false],
  ['watches', true],
  ['marks', false],
  ['limits', false],
  ['machine', false],
  ['full', true],
];

battery('reuse', ['runc'], (attack) => {
  attack(
    '63 files, daemons, shared memory, queues, sockets, locks, marks, limits, a full disk: the next task sees none of it',
    {},
    async ({ manager }) => {
      const tasks = new Tasks(manager, 'undone');
      let sandbox = await tasks.next();
      const name = container(sandbox);
      const before = await look(sandbox);
      for (const [what, stay] of UNDONE) {
        await leave(sandbox, what, stay);
        const { reuse } = await sandbox.close();
        expect(reuse, what).toMatchObject({ recycled: true });
        sandbox = await tasks.next();
        expect(container(sandbox), what).toBe(name);
        expect(await look(sandbox), what).toBe(before);
        expect(await sandbox.diff(), what).toMatchObject([{ path: 'program' }, { path: 'program/find-traces.py' }]);
      }
      await sandbox.close();
    },
    { runs: repeats(1, 3) },
  );

  attack('64 a connection in TIME_WAIT, one that is open: thrown away, with the reason', {}, async ({ manager }) => {
    const tasks = new Tasks(manager, 'connections');
    for (const [what, stay] of [
      ['connection', false],
      ['established', true],
    ] as const) {
      const sandbox = await tasks.next();
      await leave(sandbox, what, stay);
      const receipt = await sandbox.close();
      expect(receipt).toMatchObject({
        reuse: { recycled: false, reason: expect.stringMatching(/TIME_WAIT|sockets|entries/) },
        container: { verifiedAbsent: true },
        errors: [],
      });
      expect(await isThere(container(sandbox))).toBe(false);
      const other = await tasks.next();
      expect(container(other)).not.toBe(container(sandbox));
      expect((await other.close()).reuse).toMatchObject({ recycled: true });
    }
  });

  attack(
    '65 a fork bomb while it is closed: killed, or thrown away; the next task is alone',
    {},
    async ({ manager }) => {
      const tasks = new Tasks(manager, 'bomb');
      const sandbox = await tasks.next();
      const bomb = await sandbox.spawn(['python3', '-c', source('spawner.py').toString()], { stdin: 'ignore' });
      const output = new Output();
      bomb.stdout.on('data', output.take);
      bomb.wait().catch(() => {});
      await output.seen('up\n');
      const receipt = await sandbox.close();
      expect(receipt.reuse?.recycled || receipt.container.verifiedAbsent).toBe(true);
      const next = await tasks.next();
      expect((await look(next)).match(/^process .*/gm)).toBeNull();
      await next.close();
    },
  );

  attack('66 a command as root: never used again, whatever it did', {}, async ({ manager }) => {
    const tasks = new Tasks(manager, 'root');
    const sandbox = await tasks.next();
    // A root without capabilities may still do to process 1 what its user may.
    await sandbox.exec(['python3', '-c', 'import resource; resource.prlimit(1, resource.RLIMIT_CPU, (9, 9))'], {
      user: 0,
    });
    expect(await sandbox.close()).toMatchObject({
      reuse: { recycled: false, reason: 'a command ran as root' },
      container: { verifiedAbsent: true },
    });
  });

  attack('67 an old handle: no way into the sandbox of the next task', {}, async ({ manager }) => {
    const tasks = new Tasks(manager, 'handles');
    const sandbox = await tasks.next();
    const cat = await sandbox.spawn(['cat'], {});
    cat.wait().catch(() => {});
    cat.stdin!.on('error', () => {});
    const { files, ports } = sandbox;
    expect((await sandbox.close()).reuse).toMatchObject({ recycled: true });
    const next = await tasks.next();
    expect(container(next)).toBe(container(sandbox));
    cat.stdin!.write('late');
    cat.kill('SIGKILL');
    const attempts = [files.write('x', 'x'), files.list('.'), ports.connect(1), sandbox.exec('true'), sandbox.stats()];
    for (const attempt of await Promise.allSettled(attempts)) {
      expect(attempt).toMatchObject({ status: 'rejected', reason: { code: 'sandbox-closed' } });
    }
    expect(() => sandbox.extend(1)).toThrow(/closed/);
    expect(await sandbox.close()).toMatchObject({ sandbox: sandbox.id });
    expect((await next.exec('ls -A; echo still here')).stdout).toBe('still here\n');
    await next.close();
  });

  attack('68 a task of another domain, or of none: never the same sandbox', {}, async ({ manager, sandbox }) => {
    const used = await manager.create({ ...OPTIONS, reuse: 'a' });
    await used.close();
    const others: Sandbox[] = [];
    for (const options of [{ reuse: 'b' }, { reuse: true }, {}])
      others.push(await manager.create({ ...OPTIONS, ...options }));
    expect(others.map(container)).not.toContain(container(used));
    expect(container(sandbox)).not.toBe(container(used));
    await Promise.all(others.map((other) => other.close()));
  });
});
