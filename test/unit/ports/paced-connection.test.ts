/** Node's HTTP parser gets a sandbox's data a few lines at a time. Work is counted in lines and chunks. */
import { once } from 'node:events';
import { createServer, request as httpRequest, IncomingMessage } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, vi } from 'vitest';
import { LINES_PER_TURN, PacedConnection } from '../../../src/ports/paced-connection.js';
import { SandboxPorts } from '../../../src/ports/sandbox-ports.js';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';
import { forwardRequest } from '../../../src/server/ports/proxy.js';
import { EgressWorld } from '../../helpers/egress-world.js';
import { Inside } from './inside.js';

const never = new Promise<never>(() => {});
const portsTo = (inside: Inside) => new SandboxPorts({ connect: async () => inside, ended: () => never });
const CHUNKS = 20_000;
const TINY = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\na\r\n'.repeat(CHUNKS)}0\r\n\r\n`;

/** The most that `count` says within a turn of the event loop while `work` runs. */
async function mostInATurn(count: () => number, work: () => Promise<unknown>): Promise<number> {
  let [most, last, over] = [0, count(), false];
  const look = () => {
    most = Math.max(most, count() - last);
    last = count();
    if (!over) setImmediate(look);
  };
  setImmediate(look);
  await work();
  over = true;
  look();
  return most;
}

/** The most parts of a body that a turn of the event loop gets from the parser of a paced connection. */
async function partsInATurn(work: () => Promise<unknown>): Promise<number> {
  let parts = 0;
  const push = vi.spyOn(IncomingMessage.prototype, 'push').mockImplementation(function (
    this: IncomingMessage,
    ...args
  ) {
    if (!(this.socket instanceof Socket)) parts += 1;
    return Readable.prototype.push.apply(this, args);
  });
  try {
    return await mostInATurn(() => parts, work);
  } finally {
    push.mockRestore();
  }
}

const proxied = async (inside: Inside): Promise<Buffer> => {
  const sandbox = { ports: { connect: async () => inside } } as unknown as Sandbox;
  const { signal } = new AbortController();
  const outer = createServer((incoming, outgoing) => {
    const forwarded = { port: 80, target: '/', prefix: '', preview: false, signal };
    forwardRequest(sandbox, incoming, outgoing, forwarded).catch((error) => outgoing.end(error.message));
  }).listen(0, '127.0.0.1');
  await once(outer, 'listening');
  try {
    const asked = httpRequest({ port: (outer.address() as AddressInfo).port, agent: false }).end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return await buffer(answer);
  } finally {
    outer.close();
  }
};

describe('a connection whose sandbox sends many lines at once', () => {
  it('hands on a few in a turn, in order, and then its end', async () => {
    const inside = new Inside();
    const paced = new PacedConnection(inside);
    const all = Buffer.from(Array.from({ length: 30_000 }, (_, i) => `${i}\n`).join(''));
    inside.push(all);
    inside.push('the end');
    inside.push(null);
    let [lines, text] = [0, ''];
    paced.on('data', (bytes: Buffer) => {
      text += bytes;
      lines += bytes.toString().split('\n').length - 1;
    });
    const most = await mostInATurn(
      () => lines,
      () => once(paced, 'end'),
    );
    expect(text).toBe(`${all}the end`);
    expect(most).toBeLessThanOrEqual(2 * LINES_PER_TURN);
    paced.destroy();
    await inside.gone();
  });

  it('shares a turn with all others', async () => {
    const insides = Array.from({ length: 20 }, () => new Inside());
    let lines = 0;
    const most = await mostInATurn(
      () => lines,
      () =>
        Promise.all(
          insides.map(async (inside) => {
            const paced = new PacedConnection(inside).on('data', (bytes: Buffer) => {
              lines += bytes.length;
            });
            inside.push('\n'.repeat(3000));
            inside.push(null);
            await once(paced, 'end');
            paced.destroy();
          }),
        ),
    );
    expect(lines).toBe(20 * 3000);
    expect(most).toBeLessThanOrEqual(2 * LINES_PER_TURN);
  });

  it('passes bytes with few lines as they come', async () => {
    const inside = new Inside();
    const paced = new PacedConnection(inside);
    inside.push(Buffer.alloc(50_000));
    await once(paced, 'readable');
    expect(paced.read()).toHaveLength(50_000);
    paced.destroy();
  });

  it('does not wait for a turn once no parser reads it', async () => {
    const inside = new Inside();
    const paced = new PacedConnection(inside).unpace();
    inside.push('\n'.repeat(10_000));
    await once(paced, 'readable');
    expect(paced.read()).toHaveLength(10_000);
    paced.destroy();
  });

  it('breaks when that breaks, and the other way round', async () => {
    const broken = new Inside();
    const paced = new PacedConnection(broken);
    broken.destroy(new Error('gone'));
    await expect(buffer(paced)).rejects.toThrow('gone');
    const inside = new Inside();
    new PacedConnection(inside).destroy(new Error('no more'));
    await inside.gone();
  });
});

describe('an answer of one-byte chunks', () => {
  it('is read in turns by ports.fetch', async () => {
    const inside = new Inside(TINY);
    const most = await partsInATurn(async () => {
      const response = await portsTo(inside).fetch(80);
      expect(await response.text()).toBe('a'.repeat(CHUNKS));
    });
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(LINES_PER_TURN);
  });

  it('is read in turns by the reverse proxy', async () => {
    const inside = new Inside(TINY);
    const most = await partsInATurn(async () => {
      expect((await proxied(inside)).toString()).toBe('a'.repeat(CHUNKS));
    });
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(LINES_PER_TURN);
  });
});

it('a request body of one-byte chunks is read in turns by the egress proxy', async () => {
  class Client extends Inside {
    override _write(chunk: Buffer, encoding: BufferEncoding, done: () => void): void {
      this.emit('answered');
      super._write(chunk, encoding, done);
    }
  }
  await using world = await EgressWorld.open({ 'ok.test': [['93.184.216.34']] });
  const { proxy } = await world.proxy({ allow: ['ok.test'] });
  const client = new Client();
  const most = await partsInATurn(async () => {
    proxy.accept(client);
    client.push('POST http://ok.test/ HTTP/1.1\r\nHost: ok.test\r\nTransfer-Encoding: chunked\r\n\r\n');
    client.push(`${'1\r\na\r\n'.repeat(CHUNKS)}0\r\n\r\n`);
    await once(client, 'answered');
  });
  expect(world.seen.at(-1)).toMatchObject({ method: 'POST', body: 'a'.repeat(CHUNKS) });
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(LINES_PER_TURN);
  client.destroy();
});

describe('informational answers', () => {
  const informed = (count: number) =>
    `${'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(count)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`;

  it('may come before the answer, 16 of them', async () => {
    const response = await portsTo(new Inside(informed(16))).fetch(80);
    expect(await response.text()).toBe('ok');
  });

  it('are refused past that', async () => {
    const inside = new Inside(informed(17));
    await expect(portsTo(inside).fetch(80)).rejects.toMatchObject({
      code: 'port-refused',
      message: expect.stringContaining('more than 16 informational responses'),
    });
    await inside.gone();
    expect((await proxied(new Inside(informed(4000)))).toString()).toContain('more than 16 informational responses');
  });
});
