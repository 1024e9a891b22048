/** The agent waits at most `drainMs` for processes left when a command's leader ends, then kills and counts them. */
import { expect, it } from 'vitest';
import { type AgentProcess, FLAG, marker, OUTCOME, processesWith, TYPE, u32 } from '../../helpers/agent-process.js';
import { describeAgent, gone, there } from '../../helpers/agent-suite.js';

/** Longer than a test may take: a drain that lasts to its end fails the test. */
const LONG_MS = 120_000;
/** Leaves a process in a session of its own that prints `late` when the leader has gone. */
const LATE = '(setsid sh -c "while kill -0 $$ 2>/dev/null; do :; done; echo late" &) ; echo first; exit 4';

describeAgent('agent: the drain', (suite) => {
  it.each([
    { way: 'by its keeper', wrapper: undefined },
    { way: 'by PID 1, where orphans come to it', wrapper: 'subreaper' as const },
  ])('$way', async ({ wrapper }) => {
    const agent = await suite.ready(wrapper && { wrapper: suite.without(wrapper) });
    await waitsForWhatEnds(agent);
    await killsWhatDoesNot(agent);
    await ends(agent);
  });

  it('holds for commands that are handed to processes forked ahead', async () => {
    const agent = await suite.ready();
    for (let i = 0; i < 5; i++) {
      const result = await agent.sh(LATE, { drainMs: LONG_MS });
      expect(result).toMatchObject({ exitCode: 4, backgroundKilled: 0 });
      expect(result.stdout.toString()).toBe('first\nlate\n');
    }
  });

  it('is not for what a detached command leaves', async () => {
    const agent = await suite.ready();
    const word = marker();
    const result = await agent.sh(`sleep ${word} & exit 4`, { flags: FLAG.DETACHED, drainMs: LONG_MS });
    expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 4, backgroundKilled: 0 });
    expect(processesWith(word)).toHaveLength(1);
    agent.send(0, TYPE.KILL_ALL, u32(0));
    await gone(word);
  });

  it('is over when the output passes a limit that kills', async () => {
    const agent = await suite.ready();
    const result = await agent.sh('yes & exit 4', { drainMs: LONG_MS, head: 1000n, killAtBytes: 100_000 });
    expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 4, backgroundKilled: 1 });
  });
});

async function waitsForWhatEnds(agent: AgentProcess): Promise<void> {
  const late = await agent.sh(LATE, { drainMs: LONG_MS });
  expect(late).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 4, flags: 0, backgroundKilled: 0 });
  expect(late.stdout.toString()).toBe('first\nlate\n');
  const substituted = await agent.run(['bash', '-c', 'exec > >(cat); echo hello'], { drainMs: LONG_MS });
  expect(substituted).toMatchObject({ exitCode: 0, backgroundKilled: 0 });
  expect(substituted.stdout.toString()).toBe('hello\n');
}

async function killsWhatDoesNot(agent: AgentProcess): Promise<void> {
  const word = marker();
  const writing = `(while :; do echo ${word}; sleep 0.01; done) & (setsid sleep ${word} &) ; exit 4`;
  const killed = await agent.sh(writing, { drainMs: 100 });
  expect(killed).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 4 });
  expect(killed.backgroundKilled).toBeGreaterThanOrEqual(2);
  expect(processesWith(word)).toEqual([]);
  // Without the field the request is that of a host that knows of no drain.
  for (const drainMs of [0, undefined]) {
    const atOnce = await agent.sh(`sleep ${word} & exit 4`, drainMs === undefined ? {} : { drainMs });
    expect(atOnce).toMatchObject({ exitCode: 4, backgroundKilled: 1 });
  }
}

/** A time limit and a kill end the drain, and change nothing about how the command has ended. */
async function ends(agent: AgentProcess): Promise<void> {
  const word = marker();
  const deaf = `(trap "" TERM; echo up; exec sleep ${word}) & read line < up; exit 4`;
  const script = `mkfifo up; ${deaf.replace('echo up', 'echo up > up')}`;
  const ended = { outcome: OUTCOME.EXITED, exitCode: 4, flags: 0, backgroundKilled: 1 };
  const limit = { timeoutMs: 1500, graceMs: LONG_MS, drainMs: LONG_MS };
  expect(await agent.sh(script, limit)).toMatchObject(ended);
  const stream = agent.spawn(['sh', '-c', deaf.replace('echo up', 'echo up > up'), marker()], { drainMs: LONG_MS });
  await there(`sleep\0${word}`);
  await gone('read line < up');
  agent.kill(stream, { graceMs: LONG_MS });
  expect(await agent.result(stream)).toMatchObject(ended);
  expect(processesWith(word)).toEqual([]);
}
