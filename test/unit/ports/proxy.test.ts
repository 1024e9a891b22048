/** The server's reverse proxy, with a connection that stands in for one into a sandbox. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';
import { forwardRequest, forwardUpgrade } from '../../../src/server/ports/proxy.js';
import { Inside } from './inside.js';

/** Returns the caller's answer, or the code of the error that forwardRequest() throws. */
async function proxied(inside: () => Duplex, method: string, headers: Record<string, string>, body?: string) {
  const sandbox = { ports: { connect: async () => inside() } } as unknown as Sandbox;
  const { signal } = new AbortController();
  const outer = createServer((incoming, outgoing) => {
    forwardRequest(sandbox, incoming, outgoing, { port: 80, target: '/', prefix: '', preview: false, signal }).catch(
      (error) => {
        if (outgoing.headersSent) outgoing.destroy();
        else outgoing.end(error.code);
      },
    );
  }).listen(0, '127.0.0.1');
  await once(outer, 'listening');
  try {
    const asked = httpRequest({ port: (outer.address() as AddressInfo).port, agent: false, method, headers });
    asked.end(body);
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return await text(answer);
  } finally {
    outer.close();
  }
}

describe('forwardUpgrade', () => {
  it('says so where the server inside answers a WebSocket with a broken body', async () => {
    const inside = new Inside('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZZZ\r\n');
    const sandbox = { ports: { connect: async () => inside } } as unknown as Sandbox;
    const { signal } = new AbortController();
    const headers = { upgrade: 'websocket', connection: 'Upgrade' };
    const incoming = { socket: new Inside(), headers } as unknown as IncomingMessage;
    const forwarding = forwardUpgrade(sandbox, incoming, { port: 80, target: '/', prefix: '', preview: false, signal });
    await expect(forwarding).rejects.toMatchObject({ code: 'unreachable' });
    await inside.gone();
  });

  it('takes a switch to another protocol for no WebSocket', async () => {
    const inside = new Inside('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    const sandbox = { ports: { connect: async () => inside } } as unknown as Sandbox;
    const incoming = { socket: new Inside(), headers: { upgrade: 'websocket' } } as unknown as IncomingMessage;
    const { signal } = new AbortController();
    const forwarding = forwardUpgrade(sandbox, incoming, { port: 80, target: '/', prefix: '', preview: false, signal });
    await expect(forwarding).rejects.toMatchObject({ code: 'unreachable' });
    await inside.gone();
  });

  it.each([
    ['another protocol', { upgrade: 'h2c' }],
    ['a WebSocket with a body', { upgrade: 'websocket', 'content-length': '5' }],
    ['a WebSocket with chunks', { upgrade: 'websocket', 'transfer-encoding': 'chunked' }],
  ])('asks nothing of the server inside for %s', async (_what, headers) => {
    const sandbox = { ports: { connect: () => expect.unreachable() } } as unknown as Sandbox;
    const incoming = { socket: new Inside(), headers } as unknown as IncomingMessage;
    const { signal } = new AbortController();
    const forwarding = forwardUpgrade(sandbox, incoming, { port: 80, target: '/', prefix: '', preview: false, signal });
    await expect(forwarding).rejects.toMatchObject({ code: 'malformed' });
  });
});

describe('an answer that HTTP has no word for', () => {
  it('passes on no body in a coding that it would not name', async () => {
    const inside = () => expect.unreachable();
    expect(await proxied(inside, 'POST', { 'transfer-encoding': 'gzip, chunked' }, 'x')).toBe('malformed');
    const answer = new Inside('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n');
    expect(await proxied(() => answer, 'GET', {})).toBe('unreachable');
  });

  it('says so where the server inside switches to another protocol', async () => {
    const inside = new Inside('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    expect(await proxied(() => inside, 'GET', {})).toBe('unreachable');
    await inside.gone();
  });

  it('breaks the answer off where a chunk is none', async () => {
    const inside = new Inside('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nZZZZ\r\n');
    await expect(proxied(() => inside, 'GET', {})).rejects.toThrow();
    await inside.gone();
  });

  it.each([
    ['in chunks', { 'transfer-encoding': 'chunked' }],
    ['with a length', { 'content-length': '5' }],
    ['with a length it calls its own', { 'content-length': '5', connection: 'content-length' }],
  ])('frames the body of a DELETE that comes %s', async (_how, headers) => {
    const server = createServer((request, response) => void request.pipe(response)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      expect(await proxied(() => connect(port, '127.0.0.1'), 'DELETE', headers, 'hello')).toBe('hello');
    } finally {
      server.close();
    }
  });
});

describe('forwardRequest', () => {
  it('says that a server inside is not to be reached where its answer has no status there is', async () => {
    const inside = () => new Inside('HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n');
    expect(await proxied(inside, 'GET', {})).toBe('unreachable');
  });
});
