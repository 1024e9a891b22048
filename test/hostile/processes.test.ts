/** Battery 1–13: what processes can do to each other, to process 1 and to the machine. */
import { expect } from 'vitest';
import { repeats } from '../helpers/chaos/measure.js';
import { battery, type Siege } from '../helpers/hostile.js';
import { countProcesses, Output, rejection } from '../helpers/sandbox.js';

/** The sandbox goes on working. */
async function stillWorks({ sandbox }: Siege): Promise<void> {
  expect(await sandbox.exec('echo alive')).toMatchObject({ outcome: 'exited', stdout: 'alive\n' });
}

const COUNTED = 'processes of its own count towards the limit, which ends the sandbox';

/** Its own processes count as well under gVisor: there the abort comes first, not the limit. */
const spawnerLimits = (gVisor: boolean) => ({ limits: { pids: gVisor ? 2048 : 128 } });

battery('processes', ['runc', 'runsc'], (attack) => {
  for (const [number, program] of [
    [1, 'fork-bomb.py'],
    [2, 'fork-bomb.bash'],
  ] as const) {
    attack(
      `${number} ${program}: contained, killed, forgotten`,
      { limits: { pids: 64 } },
      async (siege) => {
        const result = await siege.run(program, [], { timeoutMs: 1000, killGraceMs: 100 });
        expect(result.outcome).toBe('timeout');
        expect(result.pidsLimitHit).toBe(siege.sandbox.capabilities.pidsCounter);
        await stillWorks(siege);
        expect((await siege.sandbox.stats()).commands).toBe(0);
      },
      { notOnGVisor: COUNTED },
    );
  }

  attack('3 a daemon: dead when the command that made it ends', {}, async (siege) => {
    const result = await siege.run('double-fork.py');
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: 'left\n', backgroundKilled: 1 });
    expect(await countProcesses(siege.sandbox, '620003')).toBe(0);
  });

  attack('4 deaf to every signal, in two sessions: timed out and dead', {}, async (siege) => {
    const result = await siege.run('deaf.py', [], { timeoutMs: siege.gVisor ? 5000 : 2500 });
    expect(result).toMatchObject({ outcome: 'timeout', stdout: 'deaf\ndeaf\n' });
    expect(await countProcesses(siege.sandbox, 'deaf.p')).toBe(0);
  });

  attack('5 kill -9 -1: takes its like, not process 1', {}, async (siege) => {
    await using bystander = await siege.sandbox.spawn(['sleep', '620006']);
    expect(await siege.run('kill-all.py')).toMatchObject({ outcome: 'exited', exitCode: 0, stdout: '-9\n' });
    expect(await bystander.wait()).toMatchObject({ outcome: 'signaled', signal: 'SIGKILL', oomKilled: false });
    await stillWorks(siege);
  });

  attack('6 kill and stop process 1: nothing happens', {}, async (siege) => {
    expect(await siege.run('kill-init.sh')).toMatchObject({ outcome: 'exited', stdout: 'ok\n' });
    await stillWorks(siege);
  });

  attack('7 orphans, 2,000 of them (gVisor: 100): collected', { limits: { cpus: 2 } }, async (siege) => {
    const orphans = siege.gVisor ? 100 : 2000;
    const result = await siege.run('orphans.py', [orphans]);
    expect(result).toMatchObject({ outcome: 'exited', stdout: `${orphans} 0\n`, backgroundKilled: 0 });
  });

  attack(
    '8 thread bomb: refused at the limit of processes',
    { limits: { pids: 64 } },
    async (siege) => {
      const result = await siege.run('thread-bomb.py');
      expect(result).toMatchObject({ outcome: 'exited', exitCode: 0 });
      const [word, made] = result.stdout.trim().split(' ');
      expect(word).toBe('refused');
      expect(Number(made)).toBeLessThan(64);
      expect(result.pidsLimitHit).toBe(siege.sandbox.capabilities.pidsCounter);
      await stillWorks(siege);
    },
    { notOnGVisor: COUNTED },
  );

  attack(
    '9 64 busy loops: CPU within the quota',
    { limits: { cpus: 0.5, pids: 80 } },
    async (siege) => {
      const { outcome, usage, durationMs } = await siege.run('busy.py', [], { timeoutMs: 3000, killGraceMs: 0 });
      expect(outcome).toBe('timeout');
      // Load makes it less.
      expect(usage.cpuMs / durationMs).toBeLessThan(0.55);
    },
    { notOnGVisor: COUNTED },
  );

  attack(
    '10 endless spawner of sessions, aborted: none left',
    spawnerLimits,
    async (siege) => {
      const controller = new AbortController();
      const output = new Output();
      const running = rejection(siege.run('spawner.py', [], { signal: controller.signal, onStdout: output.take }));
      await output.seen('up\n');
      controller.abort();
      expect(await running).toMatchObject({ name: 'TaskAbortedError' });
      expect(await countProcesses(siege.sandbox, '620010')).toBe(0);
      await stillWorks(siege);
    },
    { runs: repeats(2, 50) },
  );

  attack('10 the same, and the sandbox closed over it', spawnerLimits, async (siege) => {
    const output = new Output();
    const running = rejection(siege.run('spawner.py', [], { onStdout: output.take }));
    await output.seen('up\n');
    expect(await siege.sandbox.close()).toMatchObject({ container: { verifiedAbsent: true }, errors: [] });
    expect(await running).toMatchObject({ code: 'sandbox-closed' });
  });

  // test/chaos/sigkill.test.ts has the case in which the owner is killed meanwhile.
  attack('11 frames forged on the pipe of process 1: no way to it', {}, async (siege) => {
    const result = await siege.run('forge-frames.py');
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 0 });
    expect(result.stdout).toMatch(/^(E[A-Z]+ ?)+\n$/);
    await stillWorks(siege);
  });

  attack(
    '12 process 1 traced and read: denied',
    {},
    async (siege) => {
      const { stdout } = await siege.run('attack-init.py');
      const answers = stdout.trim().split('\n');
      expect(answers).toHaveLength(10);
      for (const answer of answers) expect(answer).toMatch(/ (EPERM|EACCES|ENOENT)$/);
      await stillWorks(siege);
    },
    { notOnGVisor: 'it shows the environment of process 1, which is the image’s' },
  );

  attack('13 descriptors used up: EMFILE, and only there', { limits: { openFiles: 256 } }, async (siege) => {
    const { stdout } = await siege.run('descriptors.py');
    expect(stdout).toBe('EMFILE\n'.repeat(20));
    await stillWorks(siege);
  });
});

battery('processes', ['runsc'], (attack) => {
  attack('1 fork-bomb.py on gVisor: ends its sandbox at most', {}, async ({ run }) => {
    const { outcome } = await run('fork-bomb.py', [], { timeoutMs: 1000, killGraceMs: 100 });
    expect(outcome).toMatch(/^(timeout|sandbox-lost)$/);
  });
});
