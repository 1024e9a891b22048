import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { type AgentProcess, TYPE, u16 } from '../../helpers/agent-process.js';
import { describeAgent } from '../../helpers/agent-suite.js';

const MANY = 0x0fff_ffff;

/** The agent under test shares this machine's loopback. */
async function listen(agent: AgentProcess, port = 0, limit = 8): Promise<{ port: number; errno: number }> {
  agent.send(0, TYPE.LISTEN, Buffer.concat([u16(port), u16(limit)]));
  const { type, payload } = await agent.next(0);
  expect(type).toBe(TYPE.LISTENING);
  return { port: payload.readUInt16LE(0), errno: payload.readUInt32LE(2) };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function accepted(agent: AgentProcess, stream: number): Promise<void> {
  expect((await agent.next(stream)).type).toBe(TYPE.ACCEPTED);
}

describeAgent('agent: connections to its own port', (suite) => {
  it('are streams it opens, with even ids; bytes go both ways, each direction to its own end', async () => {
    const agent = await suite.ready();
    const { port, errno } = await listen(agent);
    expect(errno).toBe(0);
    for (const stream of [2, 4]) {
      const socket = await dial(port);
      await accepted(agent, stream);
      const up = randomBytes(300_000);
      const down = randomBytes(300_000);
      const received: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => received.push(chunk));
      socket.end(up);
      agent.credit(stream, 1, MANY);
      const feeder = agent.feeder(stream, down);
      feeder.pump();
      const result = await agent.result(stream, (frame) => feeder.see(frame));
      expect(result.stdout.equals(up)).toBe(true);
      if (!socket.readableEnded) await once(socket, 'end');
      expect(Buffer.concat(received).equals(down)).toBe(true);
    }
  });

  it('send nothing without credit, and no more than it', async () => {
    const agent = await suite.ready();
    const { port } = await listen(agent);
    const socket = await dial(port);
    await accepted(agent, 2);
    socket.write(Buffer.alloc(100_000));
    expect((await agent.sh('sleep 0.2; echo quiet')).stdout.toString()).toBe('quiet\n');
    agent.credit(2, 1, 10);
    const frame = await agent.next(2);
    expect([frame.type, frame.payload.length]).toEqual([TYPE.STDOUT, 10]);
    socket.destroy();
  });

  it('are reset by KILL, and one that the other side resets ends', async () => {
    const agent = await suite.ready();
    const { port } = await listen(agent);
    const killed = await dial(port);
    await accepted(agent, 2);
    const reset = once(killed.resume(), 'end').then(
      () => 'a regular end',
      (error: NodeJS.ErrnoException) => error.code,
    );
    agent.kill(2);
    await agent.result(2);
    expect(await reset).toBe('ECONNRESET');
    const resetting = await dial(port);
    await accepted(agent, 4);
    agent.credit(4, 1, MANY);
    resetting.resetAndDestroy();
    const result = await agent.result(4, ({ type }) => {
      if (type === TYPE.OUTPUT_EOF) agent.send(4, TYPE.STDIN_EOF);
    });
    expect(result.stdout).toHaveLength(0);
  });

  it('past the limit wait for their turn', async () => {
    const agent = await suite.ready();
    const { port } = await listen(agent, 0, 2);
    const [first] = await Promise.all([dial(port), dial(port), dial(port)]);
    await accepted(agent, 2);
    await accepted(agent, 4);
    expect((await agent.sh('sleep 0.2; echo waited')).stdout.toString()).toBe('waited\n');
    agent.kill(2);
    await agent.result(2);
    await accepted(agent, 6);
    first!.destroy();
  });

  it('leave room for commands, however many they are', async () => {
    const agent = await suite.ready();
    const { port } = await listen(agent, 0, 65_535);
    const sockets = await Promise.all(Array.from({ length: 380 }, () => dial(port)));
    for (let stream = 2; stream <= 512; stream += 2) await accepted(agent, stream);
    expect((await agent.sh('echo still here')).stdout.toString()).toBe('still here\n');
    for (const socket of sockets) socket.destroy();
  });

  it('are the business of no command: what a command leaves is still counted and killed', async () => {
    const agent = await suite.ready();
    const { port } = await listen(agent);
    const socket = await dial(port);
    await accepted(agent, 2);
    const { backgroundKilled } = await agent.sh('sleep 1000 & exit 0');
    expect(backgroundKilled).toBe(1);
    socket.destroy();
  });

  it('need a port that can be had, and one listener is all there is', async () => {
    const agent = await suite.ready();
    const taken = await listen(agent);
    expect(await listen(agent)).toEqual({ port: 0, errno: constants.errno.EBUSY });
    const other = await suite.ready();
    expect(await listen(other, taken.port)).toEqual({ port: 0, errno: constants.errno.EADDRINUSE });
  });

  it('a frame for a stream it never opened is a mistake', async () => {
    const agent = await suite.ready();
    await listen(agent);
    agent.send(2, TYPE.STDIN_EOF);
    expect((await agent.next(0)).type).toBe(TYPE.ERROR);
  });
});
