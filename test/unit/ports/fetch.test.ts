/** ports.fetch() and a server inside that breaks HTTP. An unhandled error fails the run. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { RipcordError, TaskAbortedError } from '../../../src/base/errors.js';
import { SandboxPorts } from '../../../src/ports/sandbox-ports.js';
import { Inside } from './inside.js';

const ENDLESS = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
const SWITCHED = 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
const never = new Promise<never>(() => {});

const portsTo = (inside: Inside) => new SandboxPorts({ connect: async () => inside, ended: () => never });

describe('ports.fetch', () => {
  it('rejects the body where a chunk is none', async () => {
    const inside = new Inside(ENDLESS);
    const response = await portsTo(inside).fetch(80);
    inside.push('ZZZZ\r\n');
    await expect(response.text()).rejects.toThrow();
    await inside.gone();
  });

  it('rejects the body where the head and a bad chunk come in one piece', async () => {
    const inside = new Inside(`${ENDLESS}ZZZZ\r\n`);
    await expect(
      portsTo(inside)
        .fetch(80)
        .then((response) => response.text()),
    ).rejects.toThrow();
    await inside.gone();
  });

  it('rejects the body on abort', async () => {
    const inside = new Inside(ENDLESS);
    const controller = new AbortController();
    const response = await portsTo(inside).fetch(80, '/', { signal: controller.signal });
    const body = response.text();
    controller.abort();
    await expect(body).rejects.toThrow();
    await inside.gone();
  });

  it('rejects the body where the connection breaks', async () => {
    const inside = new Inside(ENDLESS);
    const response = await portsTo(inside).fetch(80);
    inside.destroy(new Error('the sandbox is gone'));
    await expect(response.text()).rejects.toThrow();
  });

  it('rejects where the server switches to another protocol', async () => {
    const inside = new Inside(SWITCHED);
    const failure = await portsTo(inside)
      .fetch(80)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RipcordError);
    expect(failure).toMatchObject({ code: 'port-refused' });
    await inside.gone();
  });

  it('is aborted where the signal fires as the server switches', async () => {
    const controller = new AbortController();
    const inside = new Inside(SWITCHED);
    inside.once('close', () => controller.abort());
    await expect(portsTo(inside).fetch(80, '/', { signal: controller.signal })).rejects.toThrow(TaskAbortedError);
  });

  it('ends the connection after a complete answer, whatever the server does', async () => {
    const inside = new Inside('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
    const response = await portsTo(inside).fetch(80);
    expect(await response.text()).toBe('hello');
    await inside.gone();
    const empty = new Inside('HTTP/1.1 204 No Content\r\n\r\n');
    expect((await portsTo(empty).fetch(80)).status).toBe(204);
    await empty.gone();
  });

  it.each(['DELETE', 'OPTIONS', 'POST'])('frames the body of a %s', async (method) => {
    const server = createServer((request, response) => void request.pipe(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const ports = new SandboxPorts({ connect: async () => connect(port, '127.0.0.1'), ended: () => never });
      const response = await ports.fetch(80, '/', { method, body: 'hello' });
      expect([response.status, await response.text()]).toEqual([200, 'hello']);
      const sized = await ports.fetch(80, '/', { method, body: 'hello', headers: { 'content-length': '5' } });
      expect([sized.status, await sized.text()]).toEqual([200, 'hello']);
    } finally {
      server.close();
    }
  });
});
