import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { type AgentOptions, marker, processesWith, TYPE, u8, u32, u64 } from '../../helpers/agent-process.js';
import { BYE, describeAgent, expectBye, there } from '../../helpers/agent-suite.js';

describeAgent('agent: the end', (suite) => {
  const withSleepers = async (options?: AgentOptions) => {
    const agent = await suite.ready(options);
    const word = marker();
    agent.spawn(['sh', '-c', `trap "" TERM; (setsid sleep ${word} &); sleep ${word}; sleep ${word}`]);
    await there(`sleep\0${word}`, 2);
    return { agent, word };
  };

  it('SHUTDOWN kills everything', async () => {
    const { agent, word } = await withSleepers();
    agent.send(0, TYPE.SHUTDOWN);
    await expectBye(agent, BYE.SHUTDOWN, 0);
    expect(processesWith(word)).toEqual([]);
  });

  it('the end of stdin kills everything', async () => {
    const { agent, word } = await withSleepers();
    agent.closeStdin();
    await expectBye(agent, BYE.STDIN_EOF, 0);
    expect(processesWith(word)).toEqual([]);
  });

  it('SIGTERM kills everything', async () => {
    const { agent, word } = await withSleepers();
    process.kill(agent.agentPid, 'SIGTERM');
    await expectBye(agent, BYE.SIGTERM, 0);
    expect(processesWith(word)).toEqual([]);
  });

  it('a missed lease kills everything, any frame renews it', async () => {
    const { agent, word } = await withSleepers({ leaseMs: 60_000 });
    agent.send(0, TYPE.LEASE, Buffer.concat([u32(2000), u64(0)]));
    const begun = Date.now();
    for (let i = 0; i < 5; i++) {
      await sleep(500);
      agent.send(0, TYPE.PING, u64(i));
    }
    await expectBye(agent, BYE.LEASE, BYE.LEASE);
    expect(Date.now() - begun).toBeGreaterThan(4000);
    expect(processesWith(word)).toEqual([]);
  });

  it('half a frame is no sign of life', async () => {
    const agent = await suite.ready({ leaseMs: 500 });
    const half = setInterval(() => agent.sendRaw(u8(0)), 100);
    // Nine zero bytes are a whole header: of an unknown type, so at most eight are sent.
    setTimeout(() => clearInterval(half), 850);
    try {
      await expectBye(agent, BYE.LEASE, BYE.LEASE);
    } finally {
      clearInterval(half);
    }
  });

  it('what was sent while the agent could not run counts as a sign of life', async () => {
    const agent = await suite.ready({ leaseMs: 500 });
    const pid = agent.agentPid;
    process.kill(pid, 'SIGSTOP');
    agent.send(0, TYPE.PING, u64(1));
    await sleep(800);
    process.kill(pid, 'SIGCONT');
    expect((await agent.next()).type).toBe(TYPE.PONG);
  });

  it('the lifetime ends everything, whatever the host says', async () => {
    const { agent, word } = await withSleepers({ leaseMs: 60_000 });
    agent.send(0, TYPE.LEASE, Buffer.concat([u32(60_000), u64(1000)]));
    const pings = setInterval(() => agent.send(0, TYPE.PING, u64(1)), 50);
    try {
      await expectBye(agent, BYE.LIFETIME, BYE.LIFETIME);
    } finally {
      clearInterval(pings);
    }
    expect(processesWith(word)).toEqual([]);
  });

  it('LEASE changes both promises', async () => {
    const agent = await suite.ready({ leaseMs: 1500, lifetimeMs: 2000 });
    agent.send(0, TYPE.LEASE, Buffer.concat([u32(0), u64(0)]));
    await sleep(2500);
    agent.send(0, TYPE.LEASE, Buffer.concat([u32(200), u64(0)]));
    await expectBye(agent, BYE.LEASE, BYE.LEASE);
  });

  it('comes although nobody reads what the agent says', async () => {
    const agent = await suite.ready({ leaseMs: 1000 });
    const word = marker();
    agent.stall();
    agent.spawn(['sh', '-c', `yes; : ${word}`]);
    await there(word);
    expect((await agent.exited).code).toBe(BYE.LEASE);
    expect(processesWith(word)).toEqual([]);
  });

  it('a fork bomb does not outlive the sandbox', async () => {
    const agent = await suite.limited({ pids: 120 });
    const word = marker();
    agent.spawn(['bash', '-c', `b() { b & b; }; b`, word], { head: 1000n });
    await there(word, 20);
    agent.closeStdin();
    await agent.exited;
    expect(processesWith(word)).toEqual([]);
  });
});
