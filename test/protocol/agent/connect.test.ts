import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { constants, networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { failureErrno } from '../../helpers/agent-process.js';
import { describeAgent } from '../../helpers/agent-suite.js';
import { signalTo } from '../../helpers/chaos/processes.js';

const { ECONNREFUSED, EINVAL } = constants.errno;

/** Some machines do not have IPv6; sandboxes do, and ports.test.ts tests it there. */
const LOOPBACK = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .map(({ address }) => address)
  .filter((address) => address === '127.0.0.1' || address === '::1');

/** The agent under test shares this machine's loopback. */
async function listening(host: string, serve: (socket: Socket) => void) {
  const server = createServer({ allowHalfOpen: true }, serve).listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
}

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);

describeAgent('agent: a connection to a port', (suite) => {
  it.each(LOOPBACK)('carries bytes both ways, each direction to its own end (%s)', async (host) => {
    const agent = await suite.ready();
    await using server = await listening(host, (socket) => void socket.pipe(socket));
    const data = randomBytes(600_000);
    const { stdout, stderr } = await agent.fs('connect', [server.port], data);
    expect(stderr.toString()).toBe('');
    expect(stdout[0]).toBe(1);
    expect(stdout.subarray(1).equals(data)).toBe(true);
  });

  it('ends when the other side does not want to hear any more', async () => {
    const agent = await suite.ready();
    await using server = await listening('127.0.0.1', (socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.resetAndDestroy());
    });
    const { stdout } = await agent.fs('connect', [server.port], randomBytes(600_000));
    expect(stdout).toEqual(Buffer.of(1));
  });

  it('hands on what a server said before it went in the midst of what it was sent', async () => {
    const agent = await suite.ready();
    let accepted!: (socket: Socket) => void;
    const accepting = new Promise<Socket>((resolve) => {
      accepted = resolve;
    });
    await using server = await listening('127.0.0.1', (socket) => {
      socket.on('error', () => {});
      socket.pause();
      accepted(socket);
    });
    // More than the two buffers of a connection take.
    const running = agent.fs('connect', [server.port], randomBytes(16_000_000));
    const socket = await accepting;
    const [keeper] = childrenOf(agent.agentPid);
    const [pid] = childrenOf(keeper!);
    await sleep(200);
    process.kill(pid!, 'SIGSTOP');
    await new Promise<void>((resolve) => socket.write('no more', () => resolve()));
    socket.resetAndDestroy();
    // Its keeper may have continued it already.
    signalTo(pid!, 'SIGCONT');
    expect((await running).stdout.toString('latin1')).toBe('\x01no more');
  });

  it('says that nothing listens, and what is no port', async () => {
    const agent = await suite.ready();
    const { port } = await (async () => {
      await using server = await listening('127.0.0.1', () => {});
      return { port: server.port };
    })();
    expect(failureErrno(await agent.fs('connect', [port]))).toBe(ECONNREFUSED);
    for (const wrong of [0, 65_536, -1, 'x']) expect(failureErrno(await agent.fs('connect', [wrong]))).toBe(EINVAL);
  });
});
