import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { encodeFrame, FLAG, marker, OUTCOME, processesWith, TYPE, u8, u32, u64 } from '../../helpers/agent-process.js';
import { describeAgent, EXIT_FLAG, there } from '../../helpers/agent-suite.js';

const { SIGKILL } = constants.signals;

describeAgent('agent: output', (suite) => {
  it('comes back byte for byte, 5 MiB through stdin and out again, within the credit', async () => {
    const agent = await suite.ready();
    const data = randomBytes(5 << 20);
    const stream = agent.spawn(['cat'], { flags: FLAG.STDIN, credit: 100_000 });
    const feeder = agent.feeder(stream, data);
    feeder.pump();
    const result = await agent.result(stream, feeder.see);
    expect(result.stdout.equals(data)).toBe(true);
    expect(result).toMatchObject({ exitCode: 0, stdoutBytes: data.length });
  });

  it('never is more than the credit', async () => {
    const agent = await suite.ready();
    const stream = agent.spawn(['sh', '-c', 'yes | head -c 300000; yes >&2 | head -c 9 >&2'], { credit: 1000 });
    let allowed = 1000;
    let received = 0;
    let grants = 0;
    for (;;) {
      const frame = await agent.next(stream);
      if (frame.type === TYPE.STDOUT) {
        received += frame.payload.length;
        expect(received).toBeLessThanOrEqual(allowed);
        if (received === allowed && grants++ < 20) {
          // Enough time for a careless agent to send more.
          await sleep(5);
          allowed += 777;
          agent.credit(stream, 1, 777);
        } else if (received === allowed) {
          allowed += 1 << 20;
          agent.credit(stream, 1, 1 << 20);
          agent.credit(stream, 2, 1 << 20);
          agent.kill(stream, { flags: 1 });
        }
      }
      if (frame.type === TYPE.EXIT) break;
    }
    expect(grants).toBeGreaterThan(20);
  });

  it('needs no credit to end when there is none to send', async () => {
    const agent = await suite.ready();
    const stream = agent.spawn(['true'], { credit: 0 });
    expect((await agent.result(stream)).exitCode).toBe(0);
  });

  it('waits for credit after the command has ended', async () => {
    const agent = await suite.ready();
    const stream = agent.spawn(['echo', 'hello'], { credit: 0 });
    await agent.run(['true']);
    agent.credit(stream, 1, 100);
    expect((await agent.result(stream)).stdout.toString()).toBe('hello\n');
  });

  it.each([
    { total: 1_000_000, head: 1000, tail: 500 },
    { total: 1_000_000, head: 0, tail: 70_001 },
    { total: 1_000_000, head: 1000, tail: 0 },
    { total: 1500, head: 1000, tail: 500 },
    { total: 1501, head: 1000, tail: 500 },
    { total: 1000, head: 1000, tail: 500 },
    { total: 3_000_000, head: 70_000, tail: 2_000_000 },
  ])('keeps head and tail and counts the gap exactly: $total bytes, $head + $tail', async ({ total, head, tail }) => {
    const agent = await suite.ready();
    const data = randomBytes(total);
    const file = join(agent.workspace, 'data');
    writeFileSync(file, data);
    // Credit for the head alone: what is behind it must not make the command wait.
    const stream = agent.spawn(['cat', file], { head: BigInt(head), tail: BigInt(tail), credit: head });
    const result = await agent.result(stream, (frame) => {
      if (frame.type === TYPE.STARTED) setTimeout(() => agent.credit(stream, 1, tail + 1), 300);
    });
    const dropped = Math.max(0, total - head - tail);
    expect(result.stdoutBytes).toBe(total);
    expect(result.totals.get(1)).toBe(total);
    expect(result.gaps).toEqual(dropped > 0 ? [{ channel: 1, dropped, at: head }] : []);
    const want = dropped > 0 ? Buffer.concat([data.subarray(0, head), data.subarray(total - tail)]) : data;
    expect(result.stdout.equals(want)).toBe(true);
    expect(result.flags).toBe(dropped > 0 ? EXIT_FLAG.STDOUT_TRUNCATED : 0);
  });

  it('drops a flood on one channel without touching the other, in bounded memory', async () => {
    const agent = await suite.ready();
    const script = 'head -c 1000000000 /dev/zero >&2; echo kept';
    const result = await agent.sh(script, { head: 1000n, tail: 1000n });
    expect(result.stdout.toString()).toBe('kept\n');
    expect(result).toMatchObject({ stderrBytes: 1_000_000_000, flags: EXIT_FLAG.STDERR_TRUNCATED });
    expect(result.stderr.length).toBe(2000);
    if (!suite.sanitize) expect(agent.rssKiB).toBeLessThan(1536);
  });

  it('kills a command that produces more than it may', async () => {
    const agent = await suite.ready();
    const result = await agent.run(['yes'], { head: 1000n, killAtBytes: 1_000_000 });
    expect(result).toMatchObject({ outcome: OUTCOME.OUTPUT_LIMIT, signal: SIGKILL });
    expect(result.stdoutBytes).toBeGreaterThan(1_000_000);
  });

  it('lets a command be that produces exactly what it may', async () => {
    const agent = await suite.ready();
    const result = await agent.run(['head', '-c', '1000000', '/dev/zero'], { head: 1000n, killAtBytes: 1_000_000 });
    expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 0, stdoutBytes: 1_000_000 });
  });

  it('is one channel with MERGE', async () => {
    const agent = await suite.ready();
    const result = await agent.sh('echo a; echo b >&2; echo c', { flags: FLAG.MERGE });
    expect(result.stdout.toString()).toBe('a\nb\nc\n');
    expect([...result.totals]).toEqual([[1, 6]]);
  });

  it('is given up on when the host says so', async () => {
    const agent = await suite.ready();
    const stream = agent.spawn(['sh', '-c', 'yes | head -c 10000000; exit 3'], { credit: 10 });
    agent.send(stream, TYPE.DETACH);
    const result = await agent.result(stream);
    expect(result).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 3, stdoutBytes: 10_000_000 });
    const dropped = result.gaps.reduce((sum, gap) => sum + gap.dropped, 0);
    expect(dropped + result.stdout.length).toBe(10_000_000);
  });

  it('ends a command that passes its limit in the moment it is let go of', async () => {
    const agent = await suite.ready();
    const script = 'head -c 1500 /dev/zero; exec sleep 600';
    const stream = agent.spawn(['sh', '-c', script], { credit: 1000, killAtBytes: 1000 });
    for (let got = 0; got < 1000; ) {
      const { type, payload } = await agent.next(stream);
      if (type === TYPE.STDOUT) got += payload.length;
    }
    const credit = encodeFrame(stream, TYPE.CREDIT, Buffer.concat([u8(1), u32(500)]));
    agent.sendRaw(Buffer.concat([credit, encodeFrame(stream, TYPE.DETACH)]));
    expect((await agent.result(stream)).outcome).toBe(OUTCOME.OUTPUT_LIMIT);
  });

  it('does not delay EXIT when another command holds the pipe', async () => {
    const agent = await suite.ready();
    const word = marker();
    const victim = agent.spawn(['sh', '-c', 'echo mine; read x; true'], { flags: FLAG.STDIN });
    let started = 0;
    const first = await agent.next(victim);
    if (first.type === TYPE.STARTED) started = first.payload.readUInt32LE(0);
    const thief = agent.spawn(['sh', '-c', `exec 3>/proc/${started}/fd/1; echo have; exec sleep ${word}`]);
    for (let said = ''; said !== 'have\n'; ) {
      const { type, payload } = await agent.next(thief);
      if (type === TYPE.STDOUT) said += payload;
    }
    await there(`sleep\0${word}`);
    agent.send(victim, TYPE.STDIN_EOF);
    expect(await agent.result(victim)).toMatchObject({ outcome: OUTCOME.EXITED, exitCode: 0 });
    expect(processesWith(word).length).toBe(1);
    agent.kill(thief);
    await agent.result(thief);
  });

  it('flows again when a stalled host comes back, everything else working meanwhile', async () => {
    const agent = await suite.ready({ leaseMs: 60_000 });
    const word = marker();
    agent.stall();
    const flood = agent.spawn(['sh', '-c', `yes; : ${word}`], { timeoutMs: 800 });
    const others = Array.from({ length: 5 }, () => agent.spawn(['sh', '-c', `yes | head -c 5000000; : ${word}`]));
    const killed = agent.spawn(['sleep', word]);
    await there(word, 3);
    for (let i = 0; i < 1000; i++) agent.send(0, TYPE.PING, u64(i));
    agent.kill(killed);
    await vi.waitFor(() => expect(processesWith(`sleep\0${word}`)).toEqual([]), { timeout: 3000 });
    // The time limit needs no reader either.
    await vi.waitFor(() => expect(processesWith(`yes; : ${word}`)).toEqual([]), { timeout: 3000 });
    if (!suite.sanitize) expect(agent.rssKiB).toBeLessThan(1536);
    agent.resume();
    expect((await agent.result(flood)).outcome).toBe(OUTCOME.TIMEOUT);
    for (const stream of others) expect((await agent.result(stream)).stdout.length).toBe(5_000_000);
    expect((await agent.result(killed)).flags).toBe(EXIT_FLAG.KILLED_BY_HOST);
  });

  it('of many commands at once stays apart', async () => {
    const agent = await suite.ready();
    const count = suite.sanitize ? 30 : 100;
    const streams = Array.from({ length: count }, (_, i) => agent.spawn(['sh', '-c', `yes ${i} | head -c 30000`]));
    const results = await Promise.all(streams.map((stream) => agent.result(stream)));
    results.forEach((result, i) => {
      const want = `${i}\n`.repeat(30_000).slice(0, 30_000);
      expect(result.stdout.toString()).toBe(want);
    });
  });
});
