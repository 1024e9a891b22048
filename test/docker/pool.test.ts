/** The pool with real containers: claims, what fits, refill, death, reuse, drain. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { type CreateOptions, isClean, type ManagerEvent, type Sandbox, SandboxManager } from 'ripcord-sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, directoriesOf, engine, isThere, until } from '../helpers/audit.js';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { nextEvent, rejection, untilProcesses, useManager } from '../helpers/sandbox.js';

let temp: TempDir;
beforeAll(async () => {
  temp = await makeTempDir('pool');
  mkdirSync(`${temp.path}/seed`);
  writeFileSync(`${temp.path}/seed/file`, 'seeded');
});
afterAll(() => temp?.remove());

const ofType = <T extends ManagerEvent['type']>(events: ManagerEvent[], type: T) =>
  events.filter((event): event is Extract<ManagerEvent, { type: T }> => event.type === type);

describe('a warm pool', () => {
  const under = useManager({ defaults: { image: 'shell', limits: { memory: '128m' } }, pool: [{ size: 2 }] });
  const container = (sandbox: Sandbox) => sandbox.parts.container.name;

  it('has containers of its own, under its owner’s labels, that are nobody’s sandboxes', async () => {
    await under.manager.poolFilled();
    expect(under.manager.list()).toEqual([]);
    expect(under.manager.pool).toMatchObject({ ready: 2, refilling: 0, hits: 0, misses: 0 });
    expect(under.manager.pool.refillMs.last).toBeGreaterThan(0);
    const names = await containersOf(under.manager.instance);
    expect(names).toHaveLength(2);
    expect(
      ofType(under.events, 'pool.ready')
        .map(({ sandbox }) => `ripcord-${sandbox}`)
        .sort(),
    ).toEqual(names.sort());
  });

  it('serves a create() at once, with everything that is set per sandbox', async () => {
    await under.manager.poolFilled();
    const standing = await containersOf(under.manager.instance);
    const sandbox = await under.manager.create({
      env: { MINE: 'yes', HOME: '/tmp/elsewhere' },
      cwd: '/tmp',
      workspace: { mode: 'copy', seed: `${temp.path}/seed` },
      network: { allow: ['example.org'] },
      lifetimeMs: 60_000,
    });
    expect(standing).toContain(container(sandbox));
    expect(ofType(under.events, 'sandbox.created').at(-1)).toMatchObject({
      sandbox: sandbox.id,
      pooled: true,
      warm: true,
    });
    expect(under.manager.list()).toEqual([sandbox]);
    expect(under.manager.pool).toMatchObject({ hits: 1, misses: 0 });
    const script =
      'echo $MINE; pwd; cat /workspace/file; test -d $HOME && test -d $TMPDIR; echo " $?"; echo $http_proxy';
    expect((await sandbox.exec(script)).stdout).toMatch(/^yes\n\/tmp\nseeded 0\nhttp:\/\/127\.0\.0\.1:\d+\n$/);
    expect(await sandbox.diff()).toEqual([]);
    const receipt = await sandbox.close();
    expect(receipt).toMatchObject({ container: { verifiedAbsent: true }, errors: [] });
    expect(receipt).not.toHaveProperty('reuse');
    expect(isClean(receipt)).toBe(true);
    expect(await isThere(container(sandbox))).toBe(false);
    await under.manager.poolFilled();
    expect(under.manager.pool.ready).toBe(2);
  });

  it('keeps the lifetime that the claim asks for', async () => {
    await under.manager.poolFilled();
    const sandbox = await under.manager.create({ lifetimeMs: 4000 });
    expect(under.manager.pool.hits).toBeGreaterThan(1);
    const lost = nextEvent(under.manager, 'sandbox.lost', (event) => event.sandbox === sandbox.id);
    expect(await lost).toMatchObject({ reason: 'its lifetime was over' });
    await sandbox.close();
  });

  it('does not serve what a made container cannot become', async () => {
    await under.manager.poolFilled();
    const { hits } = under.manager.pool;
    const others: CreateOptions[] = [{ limits: { memory: '64m' } }, { image: 'base' }, { user: '1001:1001' }];
    for (const options of others) {
      await using sandbox = await under.manager.create(options);
      expect(ofType(under.events, 'sandbox.created').at(-1)).toMatchObject({
        sandbox: sandbox.id,
        pooled: false,
        warm: false,
      });
    }
    expect(under.manager.pool.hits).toBe(hits);
  });

  it('changes the limits of one where only those differ', async () => {
    await under.manager.poolFilled();
    const { hits } = under.manager.pool;
    await using sandbox = await under.manager.create({ limits: { memory: '128m', cpus: 2, pids: 99 } });
    expect(under.manager.pool.hits).toBe(hits + 1);
    expect(sandbox.limits).toMatchObject({ cpus: 2, pids: 99 });
    const { body } = await engine<{ HostConfig: object }>('GET', `/containers/${container(sandbox)}/json`);
    expect(body.HostConfig).toMatchObject({ Memory: 128 * 1024 ** 2, NanoCpus: 2e9, PidsLimit: 99 });
    // Its programs are told of the CPUs that it was claimed with, not of those it was made with.
    expect((await sandbox.exec('echo $OMP_NUM_THREADS')).stdout).toBe('2\n');
    const forks = 'for i in $(seq 120); do sleep 9 & done 2>/dev/null; echo unreachable';
    expect(await sandbox.exec(forks)).toMatchObject({ pidsLimitHit: true });
  });

  it('replaces one that is killed from outside, and never hands it out', async () => {
    await under.manager.poolFilled();
    const standing = await containersOf(under.manager.instance);
    const discarded = nextEvent(under.manager, 'pool.discarded');
    await engine('POST', `/containers/${standing[0]}/kill`);
    expect(`ripcord-${(await discarded).sandbox}`).toBe(standing[0]);
    await using first = await under.manager.create();
    expect(container(first)).toBe(standing[1]);
    expect((await first.exec('echo well')).stdout).toBe('well\n');
    await under.manager.poolFilled();
    expect(under.manager.pool).toMatchObject({ ready: 2, discarded: { 'ended by itself': 1 } });
    expect(await isThere(standing[0]!)).toBe(false);
  });

  it('passes over one that is paused, for the next', async () => {
    await under.manager.poolFilled();
    const names = ofType(under.events, 'pool.ready').map(({ sandbox }) => `ripcord-${sandbox}`);
    // The newest is handed out first.
    const newest = names.at(-1)!;
    await engine('POST', `/containers/${newest}/pause`);
    await using sandbox = await under.manager.create();
    expect(container(sandbox)).not.toBe(newest);
    expect((await sandbox.exec('echo well')).stdout).toBe('well\n');
    expect(under.manager.pool.discarded).toMatchObject({ 'did not answer': 1 });
    await under.manager.poolFilled();
    expect(await isThere(newest)).toBe(false);
  });

  it('serves many at once, some of them the slow way', async () => {
    await under.manager.poolFilled();
    const sandboxes = await Promise.all(Array.from({ length: 4 }, () => under.manager.create()));
    expect(new Set(sandboxes.map(container)).size).toBe(4);
    const outputs = await Promise.all(sandboxes.map((sandbox, i) => sandbox.exec(`echo ${i}`)));
    expect(outputs.map(({ stdout }) => stdout)).toEqual(['0\n', '1\n', '2\n', '3\n']);
    await Promise.all(sandboxes.map((sandbox) => sandbox.close()));
  });
});

describe('reuse', () => {
  const under = useManager({ defaults: { image: 'shell', limits: { memory: '128m' } } });
  const names = () => containersOf(under.manager.instance);

  it('hands the same container to the next of its trust domain, with nothing of the one before', async () => {
    const first = await under.manager.create({ reuse: true, workspace: { mode: 'copy', seed: `${temp.path}/seed` } });
    await first.exec('echo secret > mine; echo x > /tmp/x; echo x > /dev/shm/x');
    const handle = await first.spawn(['sleep', '640001'], { detached: true });
    await using port = await first.ports.forward(8000);
    const receipt = await first.close();
    expect(receipt).toMatchObject({
      container: { verifiedAbsent: false },
      directory: { verifiedAbsent: true },
      commandsKilled: 1,
      reuse: { recycled: true, resetMs: expect.any(Number) },
      errors: [],
    });
    expect(isClean(receipt)).toBe(true);
    expect(await rejection(handle.wait())).toMatchObject({ code: 'sandbox-closed' });
    expect(await rejection(first.exec('true'))).toMatchObject({ code: 'sandbox-closed' });
    await expect(fetch(port.url)).rejects.toThrow();
    expect(under.manager.list()).toEqual([]);
    expect(under.manager.pool).toMatchObject({ ready: 1, recycled: 1 });

    await using other = await under.manager.create({ reuse: 'another domain' });
    expect(other.parts.container.name).not.toBe(receipt.container.name);
    await using single = await under.manager.create();
    expect(single.parts.container.name).not.toBe(receipt.container.name);

    const second = await under.manager.create({ reuse: true, env: { A: 'b' } });
    expect(second.parts.container.name).toBe(receipt.container.name);
    expect(second.id).toBe(`${first.id}-2`);
    expect(under.manager.get(second.id)).toBe(second);
    await untilProcesses(second, '640001', 0);
    const seen = await second.exec('ls -A . /tmp /dev/shm ~; echo $A');
    expect(seen.stdout).toBe('.:\n\n/dev/shm:\n\n/home/sandbox:\n\n/tmp:\nb\n');
    expect(await second.diff()).toEqual([]);
    expect((await second.stats()).cpuMs).toBeLessThan(5000);
    expect((await second.close()).reuse).toMatchObject({ recycled: true });
    expect(directoriesOf(under.stateDir, under.manager.instance).filter((name) => name.startsWith(first.id))).toEqual([
      `${first.id}-3`,
    ]);
  });

  it('has its interpreter warm again after a reset, before the next task is there', async () => {
    const options = { image: 'python', warm: true, reuse: true, limits: { memory: '128m' } } as const;
    const first = await under.manager.create(options);
    await first.warmUp();
    const leave = 'import sys, typing; typing.secret = 1; print(6 * 7)';
    expect(await first.runCode(leave)).toMatchObject({ stdout: '42\n', warm: true });
    expect((await first.close()).reuse).toMatchObject({ recycled: true });
    const second = await under.manager.create(options);
    expect(second.id).toBe(`${first.id}-2`);
    await second.warmUp();
    const look = 'import typing; print(hasattr(typing, "secret"))';
    expect(await second.runCode(look)).toMatchObject({ stdout: 'False\n', warm: true });
    await second.close();
  });

  it('keeps the number of sockets that the task at hand asked for', async () => {
    const many = ['bash', '-c', 'for i in $(seq 60); do exec {fd}<>/dev/udp/127.0.0.1/9; done; sleep 0.5'];
    const containers = new Set<string>();
    for (const sockets of [undefined, 30, undefined]) {
      const sandbox = await under.manager.create({ limits: { memory: '128m', sockets }, reuse: true });
      containers.add(sandbox.parts.container.name);
      const end = sockets === undefined ? { outcome: 'exited' } : { outcome: 'signaled', signal: 'SIGKILL' };
      expect(await sandbox.exec(many)).toMatchObject({ ...end, socketsLimitHit: sockets !== undefined });
      expect((await sandbox.close()).reuse).toMatchObject({ recycled: true });
    }
    expect(containers.size).toBe(1);
  });

  it('keeps lifetime and lease of the task at hand, not of the one before', async () => {
    const short = await under.manager.create({ reuse: 'short', lifetimeMs: 5000, leaseMs: 2000 });
    expect((await short.close()).reuse).toMatchObject({ recycled: true });
    await using long = await under.manager.create({ reuse: 'short' });
    expect(long.parts.container.name).toBe(short.parts.container.name);
    expect((await long.exec('sleep 6; echo still here')).stdout).toBe('still here\n');
  });

  it('is refused where nothing can be proven, with the reason in the receipt, and the container is gone', async () => {
    const cases: [CreateOptions, ((sandbox: Sandbox) => Promise<unknown>) | undefined, RegExp][] = [
      [{ rootfs: 'writable' }, undefined, /writable root/],
      [{ network: 'bridge' }, undefined, /network/],
      [{ workspace: { mode: 'bind', path: temp.path } }, undefined, /bind mount/],
      [{}, (sandbox) => sandbox.exec('true', { user: 0 }), /ran as root/],
      [{ user: 'root' }, (sandbox) => sandbox.exec('true'), /ran as root/],
    ];
    for (const [options, use, reason] of cases) {
      const sandbox = await under.manager.create({ reuse: true, ...options });
      await use?.(sandbox);
      const receipt = await sandbox.close();
      expect(receipt.reuse).toEqual({ recycled: false, reason: expect.stringMatching(reason) });
      expect(receipt.container.verifiedAbsent).toBe(true);
      expect(isClean(receipt)).toBe(true);
      expect(await isThere(receipt.container.name)).toBe(false);
    }
    const lost = await under.manager.create({ reuse: true });
    const event = nextEvent(under.manager, 'sandbox.lost');
    await engine('POST', `/containers/${lost.parts.container.name}/kill`);
    await event;
    expect((await lost.close()).reuse).toMatchObject({ recycled: false });
  });

  it('goes on for any number of tasks', async () => {
    const before = (await names()).length;
    const ids = new Set<string>();
    for (let i = 0; i < 15; i++) {
      const sandbox = await under.manager.create({ reuse: 'many' });
      ids.add(sandbox.id);
      expect((await sandbox.exec('ls -A; echo x > file')).stdout).toBe('');
      expect((await sandbox.close()).reuse).toMatchObject({ recycled: true });
    }
    expect(ids.size).toBe(15);
    expect((await names()).length).toBe(before + 1);
  });
});

describe('a manager with a pool', () => {
  it('learns what is asked for, and removes everything when it closes, also what is being made', async () => {
    const manager = await SandboxManager.open({
      stateDir: `${temp.path}/learning`,
      defaults: { image: 'base' },
      pool: { learn: true, max: 4 },
    });
    const events: ManagerEvent[] = [];
    manager.on('event', (event) => events.push(event));
    await (await manager.create()).close();
    await manager.poolFilled();
    expect(manager.pool).toMatchObject({ hits: 0, misses: 1, ready: 1 });
    const warm = await manager.create();
    expect(ofType(events, 'sandbox.created').at(-1)).toMatchObject({ sandbox: warm.id, pooled: true, warm: true });
    const used = await manager.create({ reuse: true });
    expect((await used.close()).reuse).toMatchObject({ recycled: true });
    await manager.create();
    await until(() => manager.pool.refilling > 0, 'one to be made');
    const receipt = await manager.close();
    expect(receipt).toMatchObject({ sandboxes: 4, left: { containers: 0, volumes: 0, directories: 0 }, errors: [] });
    expect(await containersOf(manager.instance)).toEqual([]);
    expect(manager.pool.ready).toBe(0);
    expect(await rejection(manager.create())).toMatchObject({ code: 'manager-closed' });
  });

  it('is wrong about no option', async () => {
    for (const pool of [[{ siz: 1 }], { keep: [{ size: 1, image: '../x' }] }, { lern: true }, 'yes']) {
      expect(await rejection(SandboxManager.open({ pool } as never))).toMatchObject({ code: 'invalid-options' });
    }
  });
});
