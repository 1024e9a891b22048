/** Commands that are handed to a pair of processes forked ahead: as any other, and none of it is left. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sandbox } from 'ripcord-sandbox';
import { beforeEach, describe, expect, it } from 'vitest';
import { engine, until } from '../helpers/audit.js';
import { hasEnded } from '../helpers/chaos/processes.js';
import { countProcesses, useManager } from '../helpers/sandbox.js';

const under = useManager();
let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await under.manager.create({ image: 'python', reuse: true });
  return () => sandbox.close();
});

interface Process {
  pid: number;
  parent: number;
}

/** Processes of the sandbox with their numbers on the host, PID 1 first. */
async function processes(of = sandbox): Promise<Process[]> {
  const path = `/containers/${of.parts.container.name}/top?ps_args=-eo%20pid,ppid`;
  const { body } = await engine<{ Processes: string[][] }>('GET', path);
  const list = body.Processes.map(([pid, parent]) => ({ pid: Number(pid), parent: Number(parent) }));
  // By their numbers it need not come first: those begin anew some day.
  const isFirst = ({ parent }: Process) => !list.some(({ pid }) => pid === parent);
  return [...list.filter(isFirst), ...list.filter((process) => !isFirst(process))];
}

/** PID 1, a keeper and its leader. */
async function isPair(): Promise<boolean> {
  const [first, ...others] = await processes();
  const keeper = others.find(({ parent }) => parent === first!.pid);
  return others.length === 2 && others.some(({ parent }) => parent === keeper?.pid);
}
const waits = () => until(isPair, 'a pair that waits');
/** Sooner than one would end by itself. */
const nobodyWaits = () => until(async () => (await processes()).length === 1, 'no pair', 5000);

async function makePair() {
  for (let i = 0; i < 3; i++) expect(await sandbox.exec(['true'])).toMatchObject({ outcome: 'exited', exitCode: 0 });
  await waits();
}

/** How long before it was asked for the command's process was forked, in milliseconds: the kernel counts in ticks of 10. */
async function age(options = {}): Promise<number> {
  const asked = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  const { stdout } = await sandbox.exec(['cut', '-d ', '-f22', '/proc/self/stat'], options);
  return asked - Number(stdout) * 10;
}

describe('a pair', () => {
  it('is made once some commands have come, and taken by the next', async () => {
    await nobodyWaits();
    // Load makes it less: a process that is forked late is younger.
    expect(await age()).toBeLessThan(50);
    await nobodyWaits();
    await makePair();
    await sleep(600);
    expect(await age()).toBeGreaterThan(500);
    await waits();
  });

  it('starts a command as any other is started', async () => {
    const look = `
      grep -E '^(Umask|Uid|Gid|Groups|NoNewPrivs|Seccomp|Sig(Pnd|Blk|Ign|Cgt)|Cap|Shd)' /proc/self/status
      cat /proc/self/limits /proc/self/oom_score_adj; cut -d' ' -f19,41 /proc/self/stat
      ls -l /proc/self/fd | sed 's/.* \\([0-9]* ->\\)/\\1/; s/\\[[0-9]*\\]//; s/proc.[0-9]*/proc/'
      pwd; env | sort; ps -o pid= -o sid= -o pgid= -p $$ | awk '{ print ($1 == $2 && $2 == $3) }'; cat`;
    const options = { env: { GIVEN: 'to it' }, cwd: '/tmp', stdin: 'input' };
    const fresh = await sandbox.exec(look, options);
    expect(fresh.stdout).toContain('GIVEN=to it');
    expect(fresh.stdout).toMatch(/input$/);
    await makePair();
    const handed = await sandbox.exec(look, options);
    expect(handed.stdout).toBe(fresh.stdout);
    expect(handed.stderr).toBe(fresh.stderr);
  });

  it('ends a command and all that it started as any other is ended', async () => {
    await makePair();
    const late = await sandbox.exec('setsid sleep 7311 & echo said; exec sleep 7311', { timeoutMs: 1500 });
    expect(late).toMatchObject({ outcome: 'timeout', stdout: 'said\n' });
    expect(late.durationMs).toBeGreaterThanOrEqual(1500);
    await waits();
    expect(await sandbox.exec('setsid sleep 7311 >/dev/null 2>&1 &')).toMatchObject({
      outcome: 'exited',
      backgroundKilled: 1,
    });
    await waits();
    expect(await sandbox.exec('kill -SEGV $$')).toMatchObject({ outcome: 'signaled', signal: 'SIGSEGV' });
    await waits();
    const running = await sandbox.spawn(['sleep', '7311']);
    await running.kill();
    expect(await running.wait()).toMatchObject({ outcome: 'signaled', signal: 'SIGTERM' });
    await waits();
    const aborted = sandbox.exec(['sleep', '7311'], { signal: AbortSignal.timeout(100) });
    await expect(aborted).rejects.toMatchObject({ name: 'TaskAbortedError' });
    expect(await countProcesses(sandbox, '7311')).toBe(0);
  });

  it('says what kept a command from being started', async () => {
    for (const [argv, options, failure] of [
      [['/no/such'], {}, { errno: 'ENOENT', stage: 'exec' }],
      [['true'], { cwd: '/no/such' }, { errno: 'ENOENT', stage: 'cwd' }],
    ] as const) {
      await makePair();
      expect(await sandbox.exec([...argv], options)).toMatchObject({ outcome: 'spawn-failed', failure });
    }
  });

  it('is for whoever is not root, for no terminal, and not for a command too long for it', async () => {
    await makePair();
    await sleep(600);
    expect(await age({ user: '4321:4321' })).toBeGreaterThan(500);

    await makePair();
    await sleep(400);
    expect(await age({ env: { LONG: 'x'.repeat(20_000) } })).toBeLessThan(50);
    await nobodyWaits();

    await makePair();
    const terminal = await sandbox.spawn(['sh', '-c', 'test -t 0 && exit 5'], { pty: true });
    expect((await terminal.wait()).exitCode).toBe(5);
    await nobodyWaits();

    await makePair();
    await sleep(400);
    expect(await age({ user: 'root' })).toBeLessThan(50);
    // Any process that waits could be the fork from here on.
    for (let i = 0; i < 4; i++) await sandbox.exec(['true']);
    await nobodyWaits();
  });

  it.each(['keeper', 'leader'])('whose %s has been killed is made good', async (which) => {
    await makePair();
    const [first, ...pair] = await processes();
    const { pid } = pair.find(({ parent }) => (parent === first!.pid) === (which === 'keeper'))!;
    process.kill(pid, 'SIGKILL');
    await until(() => hasEnded(pid), 'its end');
    expect(await sandbox.exec('echo fine')).toMatchObject({ outcome: 'exited', stdout: 'fine\n' });
    await makePair();
  });

  it('goes when nothing comes for a while', async () => {
    await makePair();
    await sleep(9000);
    await nobodyWaits();
    expect((await sandbox.exec('echo fine')).stdout).toBe('fine\n');
  });

  it('is gone when the sandbox is used again', async () => {
    await makePair();
    expect((await sandbox.close()).reuse).toMatchObject({ recycled: true });
    const again = await under.manager.create({ image: 'python', reuse: true });
    expect(again.parts.container.name).toBe(sandbox.parts.container.name);
    expect(await processes(again)).toHaveLength(1);
    await again.close();
  });
});
