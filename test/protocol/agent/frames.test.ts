import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type AgentProcess,
  encodeFrame,
  encodeSpawn,
  FLAG,
  STDIN_WINDOW,
  TYPE,
  u8,
  u16,
  u32,
  u64,
} from '../../helpers/agent-process.js';
import { describeAgent, expectError } from '../../helpers/agent-suite.js';

describeAgent('agent: broken frames', (suite) => {
  describe('broken frames', () => {
    it.each([
      ['before HELLO', false],
      ['after HELLO', true],
    ])('refuses a frame over the limit %s, from its length alone', async (_, greeted) => {
      const agent = await (greeted ? suite.ready() : suite.start({ hello: false }));
      agent.sendRaw(u32(65_537));
      await expectError(agent, 3);
    });

    it('takes a frame of exactly the limit', async () => {
      const agent = await suite.ready();
      const stream = agent.spawn(['wc', '-c'], { flags: FLAG.STDIN });
      agent.send(stream, TYPE.STDIN, Buffer.alloc(65_536));
      agent.send(stream, TYPE.STDIN_EOF);
      expect((await agent.result(stream)).stdout.toString()).toBe('65536\n');
    });

    it.each<[string, (agent: AgentProcess) => void]>([
      ['an unknown type', (a) => a.send(0, 0x7f)],
      ['an agent type', (a) => a.send(0, TYPE.READY)],
      ['a control type on a stream', (a) => a.send(a.spawn(['true']), TYPE.SHUTDOWN)],
      ['a stream type on stream 0', (a) => a.send(0, TYPE.STDIN, Buffer.from('x'))],
      ['an even stream', (a) => a.send(2, TYPE.SPAWN, u32(10))],
      ['a stream never opened', (a) => a.send(99, TYPE.STDIN_EOF)],
      ['a short PING', (a) => a.send(0, TYPE.PING, u32(1))],
      ['a short LEASE', (a) => a.send(0, TYPE.LEASE, u32(1))],
      ['a short LIMITS', (a) => a.send(0, TYPE.LIMITS, u16(1))],
      ['a short SPAWN', (a) => a.send(1, TYPE.SPAWN, u16(1))],
      [
        'a stream id used twice',
        (a) => {
          for (const id of [1, 1]) a.send(id, TYPE.SPAWN, Buffer.concat([u32(9), u8(0)]));
        },
      ],
      [
        'a falling stream id',
        (a) => {
          for (const id of [5, 3]) a.send(id, TYPE.SPAWN, Buffer.concat([u32(9), u8(0)]));
        },
      ],
      ['more bytes of a request than announced', (a) => a.send(1, TYPE.SPAWN, Buffer.concat([u32(1), u16(0)]))],
      ['a short KILL', (a) => a.send(a.spawn(['sleep', '9']), TYPE.KILL, u32(0))],
      ['a signal that does not exist', (a) => a.kill(a.spawn(['sleep', '9']), { signal: 65 })],
      ['a negative signal', (a) => a.kill(a.spawn(['sleep', '9']), { signal: -9 })],
      ['credit for a channel that does not exist', (a) => a.credit(a.spawn(['sleep', '9']), 3, 1)],
      ['a short RESIZE', (a) => a.send(a.spawn(['sleep', '9']), TYPE.RESIZE, u16(1))],
    ])('ends with ERROR 2 after %s', async (_, act) => {
      const agent = await suite.ready();
      act(agent);
      await expectError(agent, 2);
    });

    it('ends with ERROR 2 when more stdin comes than was granted', async () => {
      const agent = await suite.ready();
      const stream = agent.spawn(['sleep', '9'], { flags: FLAG.STDIN });
      // The pipe takes up to 262,144 bytes and the agent gives their credit back; nothing takes the rest.
      for (let sent = 0; sent < STDIN_WINDOW + 8 * 65_536; sent += 65_536)
        agent.send(stream, TYPE.STDIN, Buffer.alloc(65_536));
      await expectError(agent, 2);
    });

    it('never crashes on noise', async () => {
      for (let round = 0; round < (suite.sanitize ? 10 : 30); round++) {
        const agent = await suite.ready();
        const noise = Buffer.concat(
          Array.from({ length: 40 }, () => {
            const type = round % 2 === 0 ? 2 + Math.floor(Math.random() * 17) : Math.floor(Math.random() * 256);
            return encodeFrame(Math.floor(Math.random() * 4), type, randomBytes(Math.floor(Math.random() * 40)));
          }),
        );
        agent.sendRaw(noise);
        agent.closeStdin();
        const { code, signal } = await agent.rest();
        expect([0, 5], `after ${noise.toString('hex')}`).toContain(code);
        expect(signal).toBeNull();
      }
    });

    it('ignores frames for a stream that is over', async () => {
      const agent = await suite.ready();
      const stream = agent.spawn(['true']);
      await agent.result(stream);
      agent.send(stream, TYPE.STDIN, Buffer.from('late'));
      agent.send(stream, TYPE.STDIN_EOF);
      agent.credit(stream, 1, 5);
      agent.kill(stream);
      agent.send(stream, TYPE.DETACH);
      agent.send(stream, TYPE.RESIZE, Buffer.concat([u16(1), u16(1)]));
      expect((await agent.sh('echo still here')).stdout.toString()).toBe('still here\n');
    });

    it('takes fields that a later version has appended', async () => {
      const agent = await suite.ready();
      agent.send(0, TYPE.PING, Buffer.concat([u64(5), Buffer.from('more')]));
      expect(await agent.next()).toMatchObject({ type: TYPE.PONG, payload: u64(5) });
      const request = Buffer.concat([encodeSpawn(['true']), Buffer.from('more')]);
      expect((await agent.result(agent.spawnRaw(request))).exitCode).toBe(0);
    });
  });

  describe('control', () => {
    it('answers PING and STATS', async () => {
      const agent = await suite.ready();
      agent.send(0, TYPE.PING, u64(0x1122_3344_5566_7788n));
      expect(await agent.next()).toMatchObject({ stream: 0, type: TYPE.PONG, payload: u64(0x1122_3344_5566_7788n) });
      const stream = agent.spawn(['sleep', '9']);
      await agent.next(stream);
      agent.send(0, TYPE.STATS_REQUEST, u32(77));
      const { type, payload } = await agent.next(0);
      expect(type).toBe(TYPE.STATS);
      expect(payload.readUInt32LE(0)).toBe(77);
      expect(payload.readUInt32LE(40)).toBe(1);
      const rss = payload.readUInt32LE(44);
      expect(rss).toBeGreaterThan(100);
      if (!suite.sanitize) expect(rss).toBeLessThan(1536);
    });
  });
});
