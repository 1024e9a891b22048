/** Requests whose body the next server could take for another request, and unasked answers. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EgressProxy } from '../../../src/egress/proxy.js';
import { EgressWorld, talk, tunnel } from '../../helpers/egress-world.js';

const PUBLIC = '93.184.216.34';
const HIDDEN = 'GET /hidden HTTP/1.1\r\nHost: evil.test\r\n\r\n';

let world: EgressWorld;
let proxy: EgressProxy;
let port: number;
beforeAll(async () => {
  world = await EgressWorld.open({ 'ok.test': [[PUBLIC]], 'other.test': [[PUBLIC]] });
  process.env.RIPCORD_TEST_TOKEN = 'a-secret-token';
  const inject = [{ host: 'ok.test', header: 'X-Key', fromEnv: 'RIPCORD_TEST_TOKEN', tls: false }];
  ({ proxy, port } = await world.proxy({ allow: ['ok.test', 'ok.test:8080', 'ok.test:25', 'other.test'], inject }));
  delete process.env.RIPCORD_TEST_TOKEN;
});
afterAll(() => world[Symbol.asyncDispose]());

const head = (start: string, fields: string[]) =>
  `${start} HTTP/1.1\r\n${['Host: ok.test', 'Connection: close', ...fields].join('\r\n')}\r\n\r\n`;
const chunk = (body: string) => `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
const length = `Content-Length: ${HIDDEN.length}`;

/** By a plain request and in a tunnel, which are looked at alike. */
const WAYS: [how: string, send: (method: string, fields: string[], body: string) => Promise<string>][] = [
  ['asked of the proxy', (method, fields, body) => talk(port, head(`${method} http://ok.test/a`, fields) + body)],
  [
    'in a tunnel to port 80',
    async (method, fields, body) => {
      const socket = await tunnel(port, 'ok.test:80');
      socket.on('error', () => {}).write(head(`${method} /a`, fields) + body);
      let answer = '';
      socket.on('data', (bytes: Buffer) => {
        answer += bytes.toString('latin1');
      });
      await once(socket, 'close');
      return answer;
    },
  ],
];

describe.each(WAYS)('a body %s', (_, send) => {
  test.each(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'PROPFIND'])(
    'of %s stays one',
    async (method) => {
      for (const [fields, body] of [
        [['Transfer-Encoding: chunked'], chunk(HIDDEN)],
        [['Transfer-Encoding:  Chunked '], chunk(HIDDEN)],
        [[length], HIDDEN],
        [[length, 'Connection: content-length'], HIDDEN],
        [['Transfer-Encoding: chunked', 'Connection: transfer-encoding, content-length'], chunk(HIDDEN)],
      ] as const) {
        const before = world.seen.length;
        const answer = await send(method, [...fields], body);
        expect(answer, fields.join()).toMatch(/^HTTP\/1\.1 200 /);
        expect(world.seen.slice(before).map(({ method, url, body }) => [method, url, body])).toEqual([
          [method, '/a', HIDDEN],
        ]);
      }
    },
  );

  test.each([
    ['Transfer-Encoding: gzip, chunked'],
    ['Transfer-Encoding: identity'],
    ['Transfer-Encoding: xchunked'],
    ['Transfer-Encoding: chunked, chunked'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: gzip'],
    ['Transfer-Encoding: "chunked"'],
    ['Transfer-Encoding: \x0bchunked'],
    ['Transfer-Encoding : chunked'],
    ['Transfer-Encoding: chunked', length],
    [length, `Content-Length: 0`],
    [length, length],
    [`Content-Length: ${HIDDEN.length}, ${HIDDEN.length}`],
    [`Content-Length: +${HIDDEN.length}`],
    ['Content-Length: 0x10'],
    ['Content-Length: -1'],
    ['X: a\r\n b', 'Transfer-Encoding:\r\n chunked', length],
  ])('marked off by %j is refused', async (...fields) => {
    const before = world.seen.length;
    const answer = await send('POST', fields, chunk(HIDDEN));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(world.seen).toHaveLength(before);
  });

  test('that is none of POST is told to be none', async () => {
    await send('POST', [], '');
    expect(world.seen.at(-1)).toMatchObject({ method: 'POST', body: '', headers: { 'content-length': '0' } });
  });

  test('TRACE, whose answer repeats a credential, is refused', async () => {
    const before = world.seen.length;
    expect(await send('TRACE', [], '')).toMatch(/^HTTP\/1\.1 403 .*TRACE is not passed on/);
    expect(world.seen).toHaveLength(before);
    expect(proxy.log.at(-1)).toMatchObject({ verdict: 'denied', reason: 'method' });
  });

  test('an answer that switches protocols unasked is an answer all the same', async () => {
    const asked = await talk(port, head('GET http://ok.test/unasked', []));
    expect(asked).toMatch(/^HTTP\/1\.1 502 .*did not respond/);
  });

  test('a credential is added', async () => {
    await send('GET', ['X-Key: mine'], '');
    expect(world.seen.at(-1)!.headers['x-key']).toBe('a-secret-token');
  });
});

describe('a tunnel to port 80', () => {
  const inTunnel = async (bytes: string, target = 'ok.test:80'): Promise<string> => {
    const socket = await tunnel(port, target);
    socket.on('error', () => {}).write(bytes, 'latin1');
    let answer = '';
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
    });
    // A refused request leaves the connection to the client.
    const refused = /^HTTP\/1\.1 4\d\d .*\r\n\r\n/s;
    await Promise.race([
      once(socket, 'close'),
      new Promise<void>((resolve) => socket.on('data', () => refused.test(answer) && setImmediate(resolve))),
    ]);
    socket.destroy();
    return answer;
  };

  test.each([
    ['another Host', 'GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: ok.test\r\nHost: evil.test\r\n\r\n'],
    ['another port in Host', 'GET / HTTP/1.1\r\nHost: ok.test:81\r\n\r\n'],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['another host in the target', 'GET http://evil.test/ HTTP/1.1\r\nHost: ok.test\r\n\r\n'],
    ['a tunnel in it', 'CONNECT evil.test:80 HTTP/1.1\r\nHost: evil.test:80\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an upgrade to HTTP/2', 'GET / HTTP/1.1\r\nHost: ok.test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
    [
      'an upgrade with a body',
      'GET / HTTP/1.1\r\nHost: ok.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc',
    ],
    ['SSH', 'SSH-2.0-x\r\n'],
    ['an empty line before it', '\r\n\r\nGET / HTTP/1.1\r\nHost: evil.test\r\n\r\n'],
  ])('takes no %s', async (_, bytes) => {
    const before = world.seen.length;
    expect(await inTunnel(bytes)).toMatch(/^HTTP\/1\.1 4|^$/);
    expect(await inTunnel(bytes.replaceAll('ok.test', 'ok.test:8080'), 'ok.test:8080').catch(() => '')).not.toMatch(
      /^HTTP\/1\.1 200/,
    );
    if (!bytes.startsWith('SSH')) expect(world.seen).toHaveLength(before);
  });

  test('is held to that by each request, not by the first alone', async () => {
    const before = world.seen.length;
    const answer = await inTunnel(
      'GET /1 HTTP/1.1\r\nHost: ok.test\r\n\r\nGET /2 HTTP/1.1\r\nHost: ok.test\r\n\r\nGET /3 HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/origin \/1.*origin \/2.*403 /s);
    expect(world.seen.slice(before).map(({ url }) => url)).toEqual(['/1', '/2']);
  });

  test.each(['ok.test:80', 'ok.test:8080', 'ok.test:25'])('carries a WebSocket: %s', async (target) => {
    const socket = await tunnel(port, target);
    const host = target.replace(/:80$/, '');
    socket.write(
      `GET /chat HTTP/1.1\r\nHost: ${host}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\r\nearly`,
    );
    let answer = '';
    for await (const chunk of socket) {
      answer += chunk;
      if (answer.endsWith('early')) socket.write('late');
      if (answer.endsWith('late')) break;
    }
    expect(answer).toContain(`X-Host: ${host}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 101 .*earlylate$/s);
  });

  test('passes on what a server says that takes no WebSocket', async () => {
    const answer = await inTunnel(
      'GET /no HTTP/1.1\r\nHost: ok.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 426 No.*\r\n\r\nno/s);
  });

  test('dials once for one request', async () => {
    const before = world.dialled.length;
    await inTunnel('GET /once HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n', 'other.test:80');
    expect(world.dialled.slice(before)).toEqual([`${PUBLIC}:80`]);
  });
});
