/** Battery 14–18 and 69: memory. */
import { expect } from 'vitest';
import { battery } from '../helpers/hostile.js';

const MiB = 1024 ** 2;

const LOST = 'the limit ends the sandbox, see 14 on gVisor';

battery('memory', ['runc', 'runsc'], (attack) => {
  attack(
    '14 allocate for ever: oom',
    { limits: { memory: '96m' } },
    async ({ run, sandbox }) => {
      const result = await run('allocate.py', [], { timeoutMs: 20_000 });
      expect(result).toMatchObject({ outcome: 'oom', signal: 'SIGKILL', oomKilled: true });
      expect(await sandbox.exec('echo alive')).toMatchObject({ stdout: 'alive\n', oomKilled: false });
    },
    { notOnGVisor: LOST },
  );

  attack(
    '15 a child allocates for ever: exited 0, and flagged',
    { limits: { memory: '96m' } },
    async (siege) => {
      const { sandbox } = siege;
      await siege.run('allocate.py', [], { timeoutMs: 20_000 });
      const result = await sandbox.exec(`sh -c 'python3 program/allocate.py; echo $?'`, { timeoutMs: 20_000 });
      expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: '137\n', oomKilled: true });
    },
    { notOnGVisor: LOST },
  );

  attack(
    '16 a file in memory that grows for ever: oom',
    { limits: { memory: '96m' } },
    async ({ run, sandbox }) => {
      const result = await run('memfd.py', [], { timeoutMs: 20_000 });
      expect(result).toMatchObject({ outcome: 'oom', oomKilled: true });
      // Its pages went with it.
      expect((await sandbox.stats()).memoryBytes).toBeLessThan(64 * MiB);
    },
    { notOnGVisor: LOST },
  );

  attack('17 /dev/shm filled: ENOSPC, not oom', {}, async ({ run }) => {
    const result = await run('shared-memory.py');
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, oomKilled: false });
    const [errno, written] = result.stdout.trim().split(' ');
    expect(errno).toBe('ENOSPC');
    expect(Number(written)).toBeLessThanOrEqual(64);
  });

  attack(
    '69 connections for ever, from all its processes: killed, with the reason',
    // On cgroup v1 this is the default; v2 keeps a number only where one is given.
    { limits: { memory: '64m', sockets: 512 } },
    async ({ run, sandbox }) => {
      const result = await run('sockets.c', [], { timeoutMs: 60_000 });
      // The memory of the programs themselves may have run out just before.
      expect(result.signal).toBe('SIGKILL');
      expect(result).toMatchObject({ socketsLimitHit: true, hint: expect.stringContaining('512') });
      const after = await sandbox.exec('head -n 1 /proc/net/sockstat');
      expect(after).toMatchObject({ outcome: 'exited', socketsLimitHit: false });
      // The agent's own: nothing of the program's is left.
      expect(Number(/\d+/.exec(after.stdout)?.[0])).toBeLessThan(32);
    },
    { notOnGVisor: 'sockets are memory of the sandbox there' },
  );

  attack(
    '18 nearly all memory used: none of it in swap',
    { limits: { memory: '128m' } },
    async ({ run }) => {
      const result = await run('swap.py', [96 * MiB]);
      expect(result).toMatchObject({ outcome: 'exited', stdout: `0 ${96 * MiB}\n`, oomKilled: false });
    },
    { notOnGVisor: LOST },
  );
});

battery('memory', ['runsc'], (attack) => {
  // Bounded by itself: whether a limit holds is a matter of how this runtime was set up.
  attack('14 allocate a gibibyte on gVisor: ends its sandbox', { limits: { memory: '256m' } }, async ({ run }) => {
    const { outcome } = await run('allocate.py', [1024], { timeoutMs: 20_000 });
    expect(outcome).toMatch(/^(oom|sandbox-lost)$/);
  });
});
