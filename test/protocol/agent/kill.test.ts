import { constants } from 'node:os';
import { describe, expect, it, vi } from 'vitest';
import { decodeReady, FLAG, marker, OUTCOME, processesWith, TYPE, u32 } from '../../helpers/agent-process.js';
import { describeAgent, EXIT_FLAG, gone, there } from '../../helpers/agent-suite.js';

const { SIGKILL, SIGTERM, SIGUSR1, SIGINT } = constants.signals;

describeAgent('agent: time limits and kills', (suite) => {
  it('ends a command at its limit, and says that this was why', async () => {
    const agent = await suite.ready();
    const result = await agent.run(['sleep', '100'], { timeoutMs: 200, graceMs: 5000 });
    expect(result).toMatchObject({ outcome: OUTCOME.TIMEOUT, signal: SIGTERM });
  });

  it('gives it the grace to end by itself', async () => {
    const agent = await suite.ready();
    const script = 'trap "echo bye; exit 3" TERM; while :; do sleep 0.02; done';
    const result = await agent.sh(script, { timeoutMs: 1000, graceMs: 5000 });
    expect(result).toMatchObject({ outcome: OUTCOME.TIMEOUT, exitCode: 3 });
    expect(result.stdout.toString()).toBe('bye\n');
  });

  it('kills descendants that ignore TERM, made sessions of their own and forked twice', async () => {
    const agent = await suite.ready();
    const word = marker();
    const stubborn = `trap "" TERM INT HUP; sleep ${word} & wait; sleep ${word}`;
    const script = `setsid sh -c 'trap "" TERM; (setsid sh -c '"'"'${stubborn}'"'"' &) ; ${stubborn}' & trap "" TERM; sleep ${word}; sleep ${word}`;
    const stream = agent.spawn(['sh', '-c', script], { timeoutMs: 3000, graceMs: 300 });
    await there(`sleep\0${word}`, 3);
    const result = await agent.result(stream);
    expect(result.outcome).toBe(OUTCOME.TIMEOUT);
    expect(processesWith(word)).toEqual([]);
  });

  it('kills a stopped tree', async () => {
    const agent = await suite.ready();
    const word = marker();
    const stream = agent.spawn(['sh', '-c', `sleep ${word} & kill -STOP $!; kill -STOP $$`], { timeoutMs: 500 });
    const result = await agent.result(stream);
    expect(result).toMatchObject({ outcome: OUTCOME.TIMEOUT, signal: SIGKILL });
    expect(processesWith(word)).toEqual([]);
  });

  it('kills a fork bomb that forks faster than one can look', async () => {
    const agent = await suite.limited({ pids: 120 });
    const word = marker();
    const bomb = `b() { b ${word} & b ${word}; }; b`;
    const result = await agent.run(['bash', '-c', bomb, word], { timeoutMs: 1000, head: 1000n });
    expect([OUTCOME.TIMEOUT, OUTCOME.EXITED, OUTCOME.SIGNALED]).toContain(result.outcome);
    expect(processesWith(word)).toEqual([]);
    expect((await agent.run(['true'])).exitCode).toBe(0);
  });

  it('kills and counts what a command left in the background', async () => {
    const agent = await suite.ready();
    const word = marker();
    const result = await agent.sh(`sleep ${word} & (setsid sleep ${word} &) ; exit 4`);
    expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 4, backgroundKilled: 2 });
    expect(processesWith(word)).toEqual([]);
  });

  it('leaves the background of a detached command alive until everything is killed', async () => {
    const agent = await suite.ready();
    const word = marker();
    const result = await agent.sh(`echo first; (sh -c 'echo later; exec sleep ${word}') & exit 4`, {
      flags: FLAG.DETACHED,
    });
    expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 4, backgroundKilled: 0 });
    expect(result.stdout.toString()).toContain('first\n');
    await there(`sleep\0${word}`);
    agent.send(0, TYPE.KILL_ALL, u32(0));
    await gone(word);
  });

  it('reaps thousands of short orphans', async () => {
    const agent = await suite.ready();
    const count = suite.sanitize ? 200 : 2000;
    const stream = agent.spawn(['sh', '-c', `i=0; while [ $i -lt ${count} ]; do (true &); i=$((i+1)); done; sleep 9`]);
    const zombies = 'cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z" ; true';
    await vi.waitFor(
      async () => expect((await agent.sh(`pgrep -x sleep >/dev/null && ${zombies}`)).stdout.toString()).toBe('0\n'),
      { timeout: 20_000, interval: 200 },
    );
    agent.kill(stream);
    await agent.result(stream);
  });

  it('kills a tree at once when asked, and says who asked', async () => {
    const agent = await suite.ready();
    const word = marker();
    const stream = agent.spawn(['sh', '-c', `trap "" TERM; (setsid sleep ${word} &); sleep ${word}; sleep ${word}`]);
    await there(word, 3);
    agent.kill(stream);
    const result = await agent.result(stream);
    expect(result).toMatchObject({ outcome: OUTCOME.SIGNALED, signal: SIGKILL, flags: EXIT_FLAG.KILLED_BY_HOST });
    expect(processesWith(word)).toEqual([]);
  });

  it('keeps the first cause', async () => {
    const agent = await suite.ready();
    const stream = agent.spawn(['sh', '-c', 'trap "echo told" TERM; while :; do sleep 0.02; done'], {
      timeoutMs: 1000,
      graceMs: 20_000,
    });
    const result = await agent.result(stream, ({ type }) => {
      if (type === TYPE.STDOUT) agent.kill(stream);
    });
    expect(result).toMatchObject({ outcome: OUTCOME.TIMEOUT, signal: SIGKILL, flags: 0 });
    // The host's kill ends the grace: nothing waits for the whole of it.
    expect(result.durationUs).toBeLessThan(21_000_000);
  });

  it('sends a single signal to every process of the tree', async () => {
    const agent = await suite.ready();
    const script = `trap 'echo got' USR1; sh -c "trap 'echo too; exit 0' USR1; echo up; while :; do sleep 0.02; done" & wait; wait; wait`;
    const stream = agent.spawn(['sh', '-c', script]);
    let seen = '';
    const result = await agent.result(stream, (frame) => {
      if (frame.type !== TYPE.STDOUT) return;
      seen += frame.payload;
      if (seen === 'up\n') agent.kill(stream, { signal: SIGUSR1 });
    });
    expect(result.stdout.toString().split('\n').sort()).toEqual(['', 'got', 'too', 'up']);
    expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 0 });
  });

  it('tells a death by the signal the host sent', async () => {
    const agent = await suite.ready();
    const stream = agent.spawn(['sleep', '100']);
    await vi.waitFor(async () => expect((await agent.next(stream)).type).toBe(TYPE.STARTED));
    agent.kill(stream, { signal: SIGINT });
    expect(await agent.result(stream)).toMatchObject({
      outcome: OUTCOME.SIGNALED,
      signal: SIGINT,
      flags: EXIT_FLAG.KILLED_BY_HOST,
    });
  });

  it('kills every command and lives on', async () => {
    const agent = await suite.ready();
    const word = marker();
    const streams = Array.from({ length: 10 }, () => agent.spawn(['sleep', word]));
    await there(word, 10);
    agent.send(0, TYPE.KILL_ALL, u32(100));
    const results = await Promise.all(streams.map((stream) => agent.result(stream)));
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set([OUTCOME.SIGNALED]));
    expect((await agent.sh('echo on')).stdout.toString()).toBe('on\n');
  });

  it('outlives everything the sandbox user sends it', async () => {
    const agent = await suite.ready();
    const result = await agent.sh('kill -9 1; kill -STOP 1; kill -TERM 1; sh -c "kill -9 -1"; echo not reached');
    expect(result).toMatchObject({ outcome: OUTCOME.SIGNALED, signal: SIGKILL });
    expect((await agent.sh('echo ok')).stdout.toString()).toBe('ok\n');
  });

  it('answers and cleans up when a root command kills its keeper', async () => {
    const agent = await suite.ready();
    const word = marker();
    const result = await agent.sh(`setsid sleep ${word} & kill -9 $PPID; sleep ${word}`, { user: '0' });
    expect(result).toMatchObject({ outcome: OUTCOME.SIGNALED, signal: SIGKILL });
    await gone(word);
    expect((await agent.sh('echo ok')).stdout.toString()).toBe('ok\n');
  });

  it('takes over from a keeper that a root command has stopped', async () => {
    const agent = await suite.ready();
    const word = marker();
    const result = await agent.sh(`kill -STOP $PPID; sleep ${word}`, { user: '0', timeoutMs: 300 });
    expect(result.outcome).toBe(OUTCOME.SIGNALED);
    await gone(word);
  });

  it('tells an OOM kill from any other', async () => {
    const agent = await suite.limited({ memoryBytes: 64 << 20 });
    const eat = 'x = []\nwhile True: x.append(bytearray(1 << 20))';
    const direct = await agent.run(['python3', '-c', eat]);
    expect(direct).toMatchObject({ outcome: OUTCOME.OOM, signal: SIGKILL });
    expect(direct.flags & EXIT_FLAG.OOM_ROSE).toBe(EXIT_FLAG.OOM_ROSE);
    expect(direct.oomKills).toBeGreaterThan(0);
    const survived = await agent.sh(`python3 -c '${eat}'; echo ok`);
    expect(survived).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 0 });
    expect(survived.flags & EXIT_FLAG.OOM_ROSE).toBe(EXIT_FLAG.OOM_ROSE);
    expect((await agent.sh('kill -9 $$')).outcome).toBe(OUTCOME.SIGNALED);
  });

  describe('where keepers cannot be subreapers', () => {
    const orphan = (word: string) => `(setsid sleep ${word} &); sleep 0.1; exit 3`;

    it('orphans are killed with the last command that could own them', async () => {
      const agent = await suite.start({ wrapper: suite.without('subreaper') });
      expect(decodeReady((await agent.next()).payload).caps & 1).toBe(0);
      const word = marker();
      const alone = await agent.sh(orphan(word));
      expect(alone).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 3, backgroundKilled: 1 });
      expect(processesWith(word)).toEqual([]);
      const other = agent.spawn(['sleep', '100']);
      const together = await agent.sh(orphan(word));
      expect(together).toMatchObject({ exitCode: 3, backgroundKilled: 0 });
      expect(processesWith(word)).toHaveLength(1);
      agent.kill(other);
      expect((await agent.result(other)).backgroundKilled).toBe(1);
      expect(processesWith(word)).toEqual([]);
    });

    it('a fork bomb is dead when its time is over', async () => {
      const agent = await suite.limited({ pids: 100 }, { wrapper: suite.without('subreaper') });
      const word = marker();
      const bomb = 'b() { (b &) ; b & }; b; sleep 100';
      await agent.run(['bash', '-c', bomb, word], { timeoutMs: 800, head: 1000n });
      expect(processesWith(word)).toEqual([]);
      expect((await agent.run(['true'])).exitCode).toBe(0);
    });
  });
});
