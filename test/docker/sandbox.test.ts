/** A sandbox as a whole: who, where, how long, and how it ends. */
import type { CommandResult, SandboxLostError } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { directoriesOf, engine, isThere } from '../helpers/audit.js';
import { nextEvent, Output, rejection, useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const container = (id: string) => `ripcord-${id}`;

describe('user, directory and environment', () => {
  const sandbox = useSandbox(under, {
    env: { LEVEL: 'sandbox', ONLY_SANDBOX: 'yes', LANG: 'de_DE.UTF-8' },
    cwd: '/usr',
  });

  it('come from the sandbox unless the command has its own', async () => {
    const line = 'echo $LEVEL $ONLY_SANDBOX $LANG; pwd';
    expect((await sandbox().exec(line)).stdout).toBe('sandbox yes de_DE.UTF-8\n/usr\n');
    const own = await sandbox().exec(line, { env: { LEVEL: 'exec' }, cwd: 'share' });
    expect(own.stdout).toBe('exec yes de_DE.UTF-8\n/usr/share\n');
    expect((await sandbox().exec('pwd', { cwd: '/workspace' })).stdout).toBe('/workspace\n');
  });

  it.each([
    ['nobody', '65534:65534'],
    ['1234', '1234:1234'],
    ['1234:1235', '1234:1235'],
    ['sandbox', '1000:1000'],
    ['nobody:sandbox', '65534:1000'],
    [0, '0:0'],
  ])('run a command as %s', async (user, ids) => {
    const { stdout } = await sandbox().exec('echo $(id -u):$(id -g)', { user: user as string });
    expect(stdout).toBe(`${ids}\n`);
  });

  it('run every command as its own user, whoever ran the one before', async () => {
    const own = (await sandbox().exec('id -u')).stdout.trim();
    expect(Number(own)).toBeGreaterThanOrEqual(40_000);
    const ids = { sandbox: `${own}:${own}:${own}`, daemon: '1:1:1', 'nobody:daemon': '65534:1:1' };
    for (const user of ['daemon', undefined, 'nobody:daemon', 'daemon', undefined] as const) {
      const { stdout } = await sandbox().exec('echo $(id -u):$(id -g):$(id -G)', { user });
      expect(stdout).toBe(`${ids[user ?? 'sandbox']}\n`);
    }
  });

  it('give the workspace to the user of the sandbox', async () => {
    await using other = await under.manager.create({ user: '4321:4322' });
    const { stdout } = await other.exec('id -u; id -g; touch mine; stat -c %u:%g . mine; ls -ld $HOME | cut -c1-10');
    expect(stdout).toBe('4321\n4322\n4321:4322\n4321:4322\ndrwx------\n');
    await other.files.write('written', 'x');
    expect((await other.files.stat('written')).uid).toBe(4321);
  });

  it('let a user given by name work in the workspace', async () => {
    await using other = await under.manager.create({ user: 'nobody' });
    expect(await other.exec('id -u; touch mine && stat -c %u mine')).toMatchObject({ stdout: '65534\n65534\n' });
  });
});

describe('names and figures', () => {
  const sandbox = useSandbox(under, { labels: { team: 'blue' } });

  it('are known to the manager while it is open', async () => {
    expect(under.manager.list()).toContain(sandbox());
    expect(under.manager.get(sandbox().id)).toBe(sandbox());
    expect(sandbox()).toMatchObject({ image: 'python', workspace: '/workspace', closed: false });
    expect(Date.now() - sandbox().createdAt.getTime()).toBeLessThan(120_000);
  });

  it('are on the container as labels, the caller’s own among them', async () => {
    const { body } = await engine<{ Config: { Labels: Record<string, string> } }>(
      'GET',
      `/containers/${container(sandbox().id)}/json`,
    );
    expect(body.Config.Labels).toMatchObject({
      team: 'blue',
      'ripcord.instance': under.manager.instance,
      'ripcord.sandbox': sandbox().id,
    });
    expect(body.Config.Labels['ripcord.owner']).toContain(`|${process.pid}|`);
    expect(Date.parse(body.Config.Labels['ripcord.created']!)).toBeGreaterThan(Date.now() - 300_000);
  });

  it('show memory, CPU time, processes and the agent’s own size', async () => {
    await using running = await sandbox().spawn(['sleep', '60']);
    expect(running.pid).toBeGreaterThan(1);
    const stats = await sandbox().stats();
    expect(stats.commands).toBe(1);
    expect(stats.pids).toBeGreaterThanOrEqual(3);
    expect(stats.memoryBytes).toBeGreaterThan(100_000);
    expect(stats.memoryPeakBytes).toBeGreaterThanOrEqual(stats.memoryBytes!);
    expect(stats.agentRssBytes).toBeLessThan(4 * 1024 * 1024);
    const before = stats.cpuMs!;
    await sandbox().exec(['python3', '-c', 'sum(range(3_000_000))']);
    expect((await sandbox().stats()).cpuMs).toBeGreaterThan(before);
  });

  it('hold in the container’s own configuration', async () => {
    const { body } = await engine<{ HostConfig: Record<string, unknown>; Config: Record<string, unknown> }>(
      'GET',
      `/containers/${container(sandbox().id)}/json`,
    );
    expect(body.HostConfig).toMatchObject({
      AutoRemove: true,
      ReadonlyRootfs: true,
      NetworkMode: 'none',
      CapDrop: ['ALL'],
      Privileged: false,
      Binds: null,
      PidsLimit: 256,
      Memory: 512 * 1024 * 1024,
      MemorySwap: 512 * 1024 * 1024,
      NanoCpus: 1e9,
    });
    expect(body.HostConfig.LogConfig).toMatchObject({ Type: 'none' });
    expect(body.Config).toMatchObject({ OpenStdin: true, StdinOnce: true, Tty: false });
  });
});

describe('close', () => {
  it('leaves nothing, says so, and the engine agrees', async () => {
    const sandbox = await under.manager.create();
    const running = rejection(sandbox.exec('sleep 330001'));
    await sandbox.exec('true');
    const { id } = sandbox;
    expect(await isThere(container(id))).toBe(true);
    expect(directoriesOf(under.stateDir, under.manager.instance)).toContain(id);
    const receipt = await sandbox.close();
    expect(receipt).toMatchObject({
      sandbox: id,
      container: { name: container(id), verifiedAbsent: true },
      directory: { verifiedAbsent: true },
      commandsKilled: 1,
      errors: [],
    });
    expect(receipt.durationMs).toBeGreaterThan(0);
    expect(await isThere(container(id))).toBe(false);
    expect(directoriesOf(under.stateDir, under.manager.instance)).not.toContain(id);
    expect(await running).toMatchObject({ name: 'SandboxLostError', code: 'sandbox-closed' });
    expect(under.manager.get(id)).toBeUndefined();
    expect(sandbox.closed).toBe(true);
  });

  it('gives the same receipt however often and at once it is called', async () => {
    const sandbox = await under.manager.create();
    const [first, second] = await Promise.all([sandbox.close(), sandbox.close()]);
    expect(second).toBe(first);
    expect(await sandbox.close()).toBe(first);
    const closed = under.events.filter((event) => event.type === 'sandbox.closed' && event.sandbox === sandbox.id);
    expect(closed).toHaveLength(1);
    expect(closed[0]).toMatchObject({ receipt: first });
  });

  it('is what the end of a scope does', async () => {
    let id: string;
    {
      await using sandbox = await under.manager.create();
      ({ id } = sandbox);
      expect(await isThere(container(id))).toBe(true);
    }
    expect(await isThere(container(id))).toBe(false);
  });

  it('makes every later call say that the sandbox is closed', async () => {
    const sandbox = await under.manager.create();
    await sandbox.close();
    const calls = [
      sandbox.exec('true'),
      sandbox.spawn(['true']),
      sandbox.runCode('1'),
      sandbox.files.write('x', 'x'),
      sandbox.files.read('x'),
      sandbox.files.list(),
      sandbox.files.upload('/etc/hostname', 'x'),
      sandbox.files.download('.', '/tmp/never'),
      sandbox.diff(),
      sandbox.stats(),
      (async () => sandbox.extend(1000))(),
    ].map((call) => rejection(call));
    for (const error of await Promise.all(calls)) {
      expect(error).toMatchObject({ name: 'SandboxLostError', code: 'sandbox-closed' });
    }
  });

  it('ends every kind of work under way with the same error', async () => {
    const sandbox = await under.manager.create();
    const command = await sandbox.spawn(['sleep', '60']);
    async function* endless() {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        yield 'x';
      }
    }
    const work = [command.wait(), sandbox.exec('sleep 60'), sandbox.files.write('x', endless())].map((call) =>
      rejection(call),
    );
    await sandbox.exec('true');
    await sandbox.close();
    for (const error of await Promise.all(work)) {
      expect(error).toMatchObject({ name: 'SandboxLostError', code: 'sandbox-closed' });
      expect((error as SandboxLostError<CommandResult>).partial?.hint).toContain('closed while it ran');
    }
  });
});

describe('a sandbox that ends by itself', () => {
  it('at the end of its lifetime says so, and cleans up', async () => {
    const sandbox = await under.manager.create({ lifetimeMs: 5000 });
    const lost = nextEvent(under.manager, 'sandbox.lost', (event) => event.sandbox === sandbox.id);
    const gone = nextEvent(under.manager, 'sandbox.closed', (event) => event.sandbox === sandbox.id);
    const output = new Output();
    const result = await sandbox.exec('echo before; sleep 60', { onStdout: output.take });
    expect(result).toMatchObject({ outcome: 'sandbox-lost', exitCode: null, stdout: 'before\n' });
    expect(result.hint).toMatch(/its lifetime was over.*extend\(\)/);
    expect((await lost).reason).toContain('lifetime');
    const error = await rejection(sandbox.exec('true'));
    expect(error).toMatchObject({
      name: 'SandboxLostError',
      code: 'sandbox-lost',
      hint: expect.stringMatching('extend'),
    });
    expect(error.message).toContain('lifetime');
    expect((await gone).receipt).toMatchObject({ container: { verifiedAbsent: true }, errors: [] });
    expect(await isThere(container(sandbox.id))).toBe(false);
    expect(await sandbox.close()).toMatchObject({ container: { verifiedAbsent: true } });
  });

  it('lives on when it is extended in time', async () => {
    const sandbox = await under.manager.create({ lifetimeMs: 5000 });
    sandbox.extend(60_000);
    const result = await sandbox.exec('sleep 5.5; echo survived');
    expect(result).toMatchObject({ outcome: 'exited', stdout: 'survived\n' });
    sandbox.extend(1);
    const lost = await nextEvent(under.manager, 'sandbox.lost', (event) => event.sandbox === sandbox.id);
    expect(lost.reason).toContain('lifetime');
    for (const wrong of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
      expect(() => sandbox.extend(wrong)).toThrow(/^extend: lifetimeMs: /);
    }
    await sandbox.close();
  });

  it('removed from outside gives its commands the outcome sandbox-lost', async () => {
    const sandbox = await under.manager.create();
    const lost = nextEvent(under.manager, 'sandbox.lost', (event) => event.sandbox === sandbox.id);
    const output = new Output();
    const running = sandbox.exec('echo up; sleep 60', { onStdout: output.take });
    const writing = rejection(
      sandbox.files.write(
        'x',
        (async function* () {
          yield 'x';
          await lost;
          yield 'y';
        })(),
      ),
    );
    await output.seen('up\n');
    await engine('DELETE', `/containers/${container(sandbox.id)}?force=1`);
    const hint = expect.stringMatching(/from outside.*ripcord rm --force/);
    expect(await running).toMatchObject({ outcome: 'sandbox-lost', exitCode: null, stdout: 'up\n', hint });
    expect(await writing).toMatchObject({ name: 'SandboxLostError', code: 'sandbox-lost', hint });
    expect((await lost).reason).toMatch(/outside|engine/);
    expect(await rejection(sandbox.exec('true'))).toMatchObject({ name: 'SandboxLostError', code: 'sandbox-lost' });
    expect(await sandbox.close()).toMatchObject({ container: { verifiedAbsent: true }, errors: [] });
  });

  it('stopped from outside says that', async () => {
    const sandbox = await under.manager.create();
    const lost = nextEvent(under.manager, 'sandbox.lost', (event) => event.sandbox === sandbox.id);
    await engine('POST', `/containers/${container(sandbox.id)}/stop?t=5`);
    expect((await lost).reason).toContain('stopped from outside');
    await sandbox.close();
  });

  it('hears the heartbeats that came while it was frozen', async () => {
    const sandbox = await under.manager.create({ leaseMs: 1000 });
    // A paused container cannot hear heartbeats; woken up, it has them all at once and must not take the host for dead.
    await engine('POST', `/containers/${container(sandbox.id)}/pause`);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await engine('POST', `/containers/${container(sandbox.id)}/unpause`);
    expect(await sandbox.exec('echo alive')).toMatchObject({ outcome: 'exited', stdout: 'alive\n' });
    await sandbox.close();
  });
});

describe('options that are wrong', () => {
  const sandbox = useSandbox(under);

  it.each<[string, () => Promise<unknown>, string]>([
    [
      'create',
      () => under.manager.create({ imagee: 'python' } as never),
      "unknown option 'imagee', did you mean 'image'?",
    ],
    ['create', () => under.manager.create({ lifetimeMS: 5 } as never), "'lifetimeMS', did you mean 'lifetimeMs'?"],
    [
      'create',
      () => under.manager.create({ limits: { memroy: '1g' } } as never),
      "'limits.memroy', did you mean 'memory'?",
    ],
    ['create', () => under.manager.create({ workspace: { mode: 'copy', sed: 'x' } } as never), 'workspace.sed'],
    ['exec', () => sandbox().exec('true', { timeoutMS: 5 } as never), "'timeoutMS', did you mean 'timeoutMs'?"],
    ['spawn', () => sandbox().spawn(['true'], { tty: true } as never), "'tty', did you mean 'pty'?"],
    ['runCode', () => sandbox().runCode('1', { lang: 'python' } as never), "unknown option 'lang'"],
    ['files.read', () => sandbox().files.read('x', { ofset: 1 } as never), "did you mean 'offset'?"],
    ['files.write', () => sandbox().files.write('x', 'x', { apend: true } as never), "did you mean 'append'?"],
    ['files.list', () => sandbox().files.list('.', { dept: 1 } as never), "did you mean 'depth'?"],
    ['files.stat', () => sandbox().files.stat('.', { folow: true } as never), "did you mean 'follow'?"],
    ['files.makeDir', () => sandbox().files.makeDir('x', { parent: true } as never), "did you mean 'parents'?"],
    ['files.remove', () => sandbox().files.remove('x', { recurse: true } as never), "unknown option 'recurse'"],
    ['files.rename', () => sandbox().files.rename('x', 'y', { overwite: true } as never), "did you mean 'overwrite'?"],
    [
      'files.upload',
      () => sandbox().files.upload('/etc/hostname', 'y', { ingore: [] } as never),
      "did you mean 'ignore'?",
    ],
    [
      'files.download',
      () => sandbox().files.download('x', '/tmp/y', { maxByte: 1 } as never),
      "did you mean 'maxBytes'?",
    ],
    ['files.diff', () => sandbox().diff({ signl: 1 } as never), "did you mean 'signal'?"],
    ['create: sizes', () => under.manager.create({ limits: { memory: 'lots' } }), 'limits.memory'],
    ['create: sizes', () => under.manager.create({ limits: { memory: '1m' } }), 'at least 16m'],
    ['create: env names', () => under.manager.create({ env: { 'A=B': 'x' } }), "must not contain '='"],
    ['create: env NUL', () => under.manager.create({ env: { A: 'x\0y' } }), 'NUL'],
    ['create: labels', () => under.manager.create({ labels: { 'ripcord.owner': 'me' } }), 'reserved'],
    ['create: users', () => under.manager.create({ user: 'a b' }), 'uid'],
    ['create: cwd', () => under.manager.create({ cwd: 'relative' }), 'absolute path'],
    ['create: time', () => under.manager.create({ lifetimeMs: 2 ** 31 }), 'lifetimeMs'],
    [
      'exec: signal',
      () => sandbox().exec('true', { signal: new AbortController() as never }),
      'expected an AbortSignal',
    ],
    ['exec: stdin', () => sandbox().exec('true', { stdin: 5 as never }), 'stdin'],
    ['exec: env', () => sandbox().exec('true', { env: { '': 'x' } }), 'env'],
  ])('are named by %s', async (_what, call, message) => {
    const events = under.events.length;
    const error = await rejection(call());
    expect(error).toMatchObject({ name: 'InvalidOptionsError', code: 'invalid-options' });
    expect(error.message).toContain(message);
    expect(under.events.slice(events).filter(({ type }) => type !== 'swept')).toEqual([]);
  });
});
