/** Requests that no honest client sends: each is refused with the status that says why, and nothing else happens. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { RipcordServer } from 'ripcord-sandbox/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collectGarbage } from '../helpers/retained.js';
import { rejection, useManager } from '../helpers/sandbox.js';
import { OTHER_TOKEN, TOKEN, useServer } from '../helpers/server.js';
import { sendSlowly } from '../helpers/slow-body.js';

const under = useManager();
const served = useServer(under, {
  callers: { allowEgress: ['*.example.org', 'api.example.com:8443'], maxSandboxes: 2, maxMemory: '1g' },
  patience: { headersMs: 1500, bodyMs: 1500, stallMs: 1500, helloMs: 1500 },
});
let id: string;
beforeAll(async () => {
  id = (await served.call('POST', '/v1/sandboxes', { image: 'shell' })).body.id;
});
afterAll(() => served.call('DELETE', `/v1/sandboxes/${id}`));

const auth = `Authorization: Bearer ${TOKEN}`;
const host = () => `Host: 127.0.0.1:${served.port}`;
const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
const head = (line: string, ...fields: string[]) => `${[line, ...fields].join('\r\n')}\r\nConnection: close\r\n\r\n`;
const get = (...fields: string[]) => head('GET /v1/sandboxes HTTP/1.1', ...fields);

describe('by the bytes of the request', () => {
  const json = 'Content-Type: application/json';
  const post = (length: string, body: string, ...more: string[]) =>
    `${['POST /v1/sandboxes HTTP/1.1', host(), auth, json, length, ...more].join('\r\n')}\r\nConnection: close\r\n\r\n${body}`;
  const cases: [string, number, () => string][] = [
    ['a Host that was rebound to this address', 421, () => get('Host: evil.example', auth)],
    ['a Host with another port', 421, () => get('Host: 127.0.0.1:1', auth)],
    ['a Host without a port', 421, () => get('Host: 127.0.0.1', auth)],
    ['a Host that begins like ours', 421, () => get(`Host: 127.0.0.1:${served.port}.evil.example`, auth)],
    ['an address in another spelling', 421, () => get(`Host: 2130706433:${served.port}`, auth)],
    ['an empty Host', 421, () => get('Host:', auth)],
    ['no Host', 400, () => get(auth)],
    ['two Hosts', 400, () => get(host(), 'Host: evil.example', auth)],
    [
      'an absolute target for another host',
      400,
      () => head('GET http://evil.example/v1/sandboxes HTTP/1.1', host(), auth),
    ],
    ['an authority for CONNECT', 0, () => head(`CONNECT 127.0.0.1:${served.port} HTTP/1.1`, host(), auth)],
    ['an asterisk', 400, () => head('OPTIONS * HTTP/1.1', host(), auth)],
    ['a page of another origin', 403, () => get(host(), auth, 'Origin: http://evil.example')],
    ['a page without an origin', 403, () => get(host(), auth, 'Origin: null')],
    ['a page of another port of this machine', 403, () => get(host(), auth, 'Origin: http://127.0.0.1:8000')],
    [
      'two Origins',
      400,
      () => get(host(), auth, `Origin: http://127.0.0.1:${served.port}`, 'Origin: http://evil.example'),
    ],
    ['what the browser says is from another site', 403, () => get(host(), auth, 'Sec-Fetch-Site: cross-site')],
    ['what the browser says is from a neighbour', 403, () => get(host(), auth, 'Sec-Fetch-Site: same-site')],
    ['a preflight', 403, () => head('OPTIONS /v1/sandboxes HTTP/1.1', host(), 'Origin: http://evil.example')],
    ['no token', 401, () => get(host())],
    ['a wrong token', 401, () => get(host(), `Authorization: Bearer ${'x'.repeat(43)}`)],
    ['the beginning of the token', 401, () => get(host(), `Authorization: Bearer ${TOKEN.slice(0, -1)}`)],
    ['the token by another scheme', 401, () => get(host(), `Authorization: Basic ${TOKEN}`)],
    ['the token as a cookie', 401, () => get(host(), `Cookie: token=${TOKEN}`)],
    ['two tokens', 400, () => get(host(), `Authorization: Bearer x`, auth)],
    ['the token in the query', 400, () => head(`GET /v1/sandboxes?token=${TOKEN} HTTP/1.1`, host())],
    ['the token in the path', 400, () => head(`GET /v1/sandboxes/${TOKEN} HTTP/1.1`, host(), auth)],
    [
      'a secret by another name in the query',
      400,
      () => head('GET /v1/sandboxes?access_token=x HTTP/1.1', host(), auth),
    ],
    ['a length and chunks', 400, () => post('Content-Length: 2', '0\r\n\r\n', 'Transfer-Encoding: chunked')],
    ['two lengths', 400, () => post('Content-Length: 2', '{}', 'Content-Length: 3')],
    ['a length with a sign', 400, () => post('Content-Length: +2', '{}')],
    ['chunks by another name', 400, () => post('Transfer-Encoding: xchunked', '0\r\n\r\n')],
    ['chunks not last', 400, () => post('Transfer-Encoding: chunked, identity', '0\r\n\r\n')],
    ['a chunk with a bad size', 400, () => post('Transfer-Encoding: chunked', 'zz\r\n{}\r\n0\r\n\r\n')],
    ['a space before the colon', 400, () => get(host(), auth, 'Transfer-Encoding : chunked')],
    ['a folded field', 400, () => get(host(), auth, 'X-A: b\r\n c: d')],
    ['a bare line feed in a field', 400, () => get(host(), auth, 'X-A: b\nX-B: c')],
    ['a NUL in a field', 400, () => get(host(), auth, 'X-A: b\0c')],
    ['a head without an end', 431, () => get(host(), auth, `X-A: ${'x'.repeat(20_000)}`)],
    ['no HTTP at all', 400, () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
    ['HTTP/2 without being asked', 400, () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a method nobody knows', 400, () => head('FOO /v1/sandboxes HTTP/1.1', host(), auth)],
    ['a method that is not there', 404, () => head('PATCH /v1/sandboxes HTTP/1.1', host(), auth)],
    ['TRACE', 404, () => head('TRACE /v1/sandboxes HTTP/1.1', host(), auth)],
    ['a path that climbs', 404, () => head('GET /v1/../etc/passwd HTTP/1.1', host(), auth)],
    ['a path that climbs, encoded', 404, () => head('GET /assets/%2e%2e/%2e%2e/etc/passwd HTTP/1.1', host(), auth)],
    ['a path with a broken escape', 400, () => head('GET /v1/sandboxes/%zz HTTP/1.1', host(), auth)],
    ['two slashes', 404, () => head('GET //v1/sandboxes HTTP/1.1', host(), auth)],
  ];
  it.each(cases)('%s: %i', async (_name, status, request) => {
    const answer = await served.raw(request());
    expect(statusOf(answer), answer.slice(0, 300)).toBe(status);
    expect(answer).not.toContain(TOKEN);
    expect(answer.toLowerCase()).not.toContain('access-control-');
  });

  it('reads no second request out of what is left of a refused one', async () => {
    const smuggled = `GET /healthz HTTP/1.1\r\n${host()}\r\n\r\n`;
    const outer = [`POST /v1/sandboxes HTTP/1.1`, host(), json, `Content-Length: ${smuggled.length}`].join('\r\n');
    const answer = await served.raw(
      `${outer}\r\n\r\n${smuggled}`.replace('\r\n\r\nGET', '\r\nConnection: close\r\n\r\nGET'),
    );
    expect(statusOf(answer)).toBe(401);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });
});

describe('by what it asks for', () => {
  const create = (body: object) => () => served.call('POST', '/v1/sandboxes', body);
  const exec = (body: object) => () => served.call('POST', `/v1/sandboxes/${id}/exec`, body);
  const file =
    (path: string, query = '') =>
    () =>
      served.call('GET', `/v1/sandboxes/${id}/files?path=${encodeURIComponent(path)}${query}`);
  const text = (type: string) => () =>
    fetch(`${served.url}/v1/sandboxes`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': type },
      body: '{}',
    });
  const cases: [string, number, () => Promise<{ status: number }>][] = [
    ['a host directory', 400, create({ workspace: { mode: 'bind', path: '/' } })],
    ['a seed of the host', 400, create({ workspace: { mode: 'copy', seed: '/etc' } })],
    ['options of the engine', 400, create({ HostConfig: { Privileged: true } })],
    ['root', 400, create({ user: 0 })],
    ['root for a command', 400, exec({ command: 'id', user: 'root' })],
    ['a writable root', 400, create({ rootfs: 'writable' })],
    ["the engine's bridge", 400, create({ network: 'bridge' })],
    ['a lease', 400, create({ leaseMs: 2 ** 31 - 1 })],
    ['another runtime', 403, create({ runtime: 'runc' })],
    ['another image', 403, create({ image: 'debian:bookworm' })],
    ['too much memory', 400, create({ limits: { memory: '2g' } })],
    ['a life without end', 400, create({ lifetimeMs: 2 ** 31 - 1 })],
    [
      'a secret of the server',
      400,
      create({ network: { allow: [], inject: [{ host: 'a.example.org', header: 'x', fromEnv: 'PATH' }] } }),
    ],
    ['the API itself', 400, create({ network: { allow: [`localhost:${served.server?.port ?? 7077}`] } })],
    ['the API by its address', 400, create({ network: { allow: ['127.0.0.1:7077'] } })],
    ['this machine by the name it has inside', 400, create({ network: { allow: ['host.ripcord.internal'] } })],
    ['authorities of its own', 400, create({ network: { allow: [], ca: 'x' } })],
    ['a proxy of its own', 400, create({ network: { allow: [], upstreamProxy: 'env' } })],
    ['the metadata service', 400, create({ network: { allow: ['169.254.169.254'] } })],
    ['a private network', 400, create({ network: { allow: ['10.0.0.0/8'] } })],
    ['a host nobody allowed', 403, create({ network: { allow: ['example.com'] } })],
    ['every host', 403, create({ network: { allow: ['*'] } })],
    ['a wider star than allowed', 403, create({ network: { allow: ['*.org'] } })],
    ['a suffix trick', 403, create({ network: { allow: ['evilexample.org'] } })],
    ['a port nobody allowed', 403, create({ network: { allow: ['api.example.com:22'] } })],
    ['ports nobody allowed', 403, create({ network: { allow: ['a.example.org'], ports: [22] } })],
    ['a form', 415, text('application/x-www-form-urlencoded')],
    ['plain text', 415, text('text/plain')],
    ['no type of content that is known', 415, text('application/xml')],
    [
      'a broken body',
      400,
      () =>
        fetch(`${served.url}/v1/sandboxes`, {
          method: 'POST',
          headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
          body: '{"image":',
        }),
    ],
    [
      'a poisoned prototype',
      400,
      () =>
        fetch(`${served.url}/v1/sandboxes`, {
          method: 'POST',
          headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
          body: '{"__proto__":{"image":"x"}}',
        }),
    ],
    ['a body that is a list', 400, create([] as never)],
    ['a body that is too long', 413, exec({ command: 'x'.repeat(1_100_000) })],
    ['a NUL in a command', 400, exec({ command: 'a\0b' })],
    ['no command', 400, exec({})],
    ['an empty command', 400, exec({ command: [] })],
    ['a file above the workspace', 400, file('../../../etc/shadow')],
    ['a file only root may read', 403, file('/etc/shadow')],
    ['a file with a NUL', 400, file('a\0b')],
    ['a file of the agent', 403, file('/proc/1/environ')],
    ['two paths', 400, file('a', '&path=b')],
    ['an unknown parameter', 400, file('a', '&user=0')],
    ['a negative offset', 400, file('a', '&offset=-1')],
    ['a path without an end', 400, file('a/'.repeat(2100))],
    ['a sandbox that is a path', 400, () => served.call('GET', '/v1/sandboxes/..%2f..%2fmetrics')],
    ['a sandbox that never was', 404, () => served.call('GET', '/v1/sandboxes/000000000000')],
    ['a spec that is a file', 404, () => served.call('POST', '/v1/tasks', { spec: '../../etc/passwd' })],
    ['a port that is none', 400, () => served.call('GET', `/v1/sandboxes/${id}/ports/99999/`)],
    ...(['cross-site', 'same-site'] as const).map((site): [string, number, () => Promise<{ status: number }>] => [
      `a link or a form of a page from another sandbox (${site})`,
      403,
      () =>
        served.call('GET', `/v1/sandboxes/${id}/ports/80/`, undefined, {
          'sec-fetch-site': site,
          'sec-fetch-mode': 'navigate',
          'sec-fetch-dest': 'document',
        }),
    ]),
    [
      'a service worker',
      403,
      () => served.call('GET', `/v1/sandboxes/${id}/ports/80/sw.js`, undefined, { 'service-worker': 'script' }),
    ],
    [
      "somebody else's sandbox",
      404,
      () => served.call('GET', `/v1/sandboxes/${id}`, undefined, { authorization: `Bearer ${OTHER_TOKEN}` }),
    ],
    [
      "ending somebody else's sandbox",
      404,
      () => served.call('DELETE', `/v1/sandboxes/${id}`, undefined, { authorization: `Bearer ${OTHER_TOKEN}` }),
    ],
    ['the figures without a token', 401, () => fetch(`${served.url}/metrics`)],
  ];
  it.each(cases)('%s: %i', async (_name, status, request) => {
    const answer = await request();
    expect(answer.status, JSON.stringify((answer as { body?: unknown }).body)).toBe(status);
  });

  it('says which type of content to send where it is another', async () => {
    const { error } = (await (await text('application/x-www-form-urlencoded')()).json()) as { error: object };
    expect(error).toMatchObject({
      code: 'media-type',
      message: 'The body must be JSON, and say so',
      hint: expect.stringContaining('content-type: application/json'),
    });
  });

  it('a symbolic link out of the workspace leads nowhere', async () => {
    await served.call('POST', `/v1/sandboxes/${id}/exec`, { command: 'ln -sf /etc/hostname link; ln -sf / root' });
    expect((await file('link')()).status).toBe(400);
    expect((await file('root/etc/passwd')()).status).toBe(400);
    const put = await fetch(`${served.url}/v1/sandboxes/${id}/files?path=root/tmp/x`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${TOKEN}` },
      body: 'x',
    });
    expect(put.status).toBe(400);
  });

  it('a client that is still sending a refused body gets the answer', async () => {
    const head = [`POST /v1/sandboxes/${id}/exec HTTP/1.1`, `authorization: Bearer ${TOKEN}`];
    const json = [...head, 'content-type: application/json'];
    const port = Number(new URL(served.url).port);
    expect(await sendSlowly(port, json, 8 * 1024 ** 2)).toBe('HTTP/1.1 413 Payload Too Large');
    expect(await sendSlowly(port, [...head, 'content-type: text/plain'], 1024 ** 2)).toMatch(/^HTTP\/1.1 415 /);
  });

  it('more sandboxes than a token may have: 429, also when they are asked for at once', async () => {
    const more = await Promise.all(
      [1, 2, 3, 4].map(() => create({ image: 'shell' })() as ReturnType<typeof served.call>),
    );
    expect(more.map(({ status }) => status).sort()).toEqual([201, 429, 429, 429]);
    for (const { body } of more) if (body.id) await served.call('DELETE', `/v1/sandboxes/${body.id}`);
  });
});

describe('over a WebSocket', () => {
  const refused = async (path: string, headers: Record<string, string>) => {
    const socket = served.socket(path, headers);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    socket.on('error', () => {});
    socket.terminate();
    return response.statusCode;
  };

  it('is refused before the upgrade', async () => {
    const token = { authorization: `Bearer ${TOKEN}` };
    expect(await refused('/ws/tasks', {})).toBe(401);
    expect(await refused('/ws/tasks', { authorization: 'Bearer nope' })).toBe(401);
    expect(await refused('/ws/tasks', { ...token, origin: 'http://evil.example' })).toBe(403);
    expect(await refused('/ws/tasks', { ...token, host: 'evil.example' })).toBe(421);
    expect(await refused(`/ws/tasks?token=${TOKEN}`, {})).toBe(400);
    expect(await refused(`/v1/sandboxes/${id}/exec`, { ...token, origin: 'null' })).toBe(403);
    expect(await refused('/v1/sandboxes/x/tunnel/80', token)).toBe(400);
  });

  it('ends on what it does not understand, on too much, and on silence', async () => {
    for (const [message, code] of [
      ['not json', 1008],
      ['{"type":"start","command":"id","user":"root"}', 1008],
      ['{"type":"stdin","data":"eA=="}', 1008],
      ['x'.repeat(1_100_000), 1009],
      ['', 1008],
    ] as const) {
      const socket = served.socket(`/v1/sandboxes/${id}/exec`);
      await once(socket, 'open');
      if (message !== '') socket.send(message);
      const [closed] = await once(socket, 'close');
      expect(closed, message.slice(0, 60)).toBe(code);
    }
  });

  it('never repeats the token it was offered', async () => {
    const socket = served.socket('/ws/tasks', {});
    socket.terminate();
    socket.on('error', () => {});
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13';
    const peer = connect(served.port, '127.0.0.1');
    peer.write(
      `GET /ws/tasks HTTP/1.1\r\n${host()}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n` +
        `Sec-WebSocket-Protocol: ripcord, bearer.${TOKEN}\r\n\r\n`,
    );
    const [answer] = (await once(peer, 'data')) as [Buffer];
    peer.destroy();
    expect(answer.toString()).toContain('101 Switching Protocols');
    expect(answer.toString()).toContain('Sec-WebSocket-Protocol: ripcord\r\n');
    expect(answer.toString()).not.toContain(TOKEN);
  });
});

describe('slowly', () => {
  const slow = async (bytes: string, every?: (socket: Socket) => void) => {
    const socket = connect(served.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {});
    socket.write(bytes);
    const timer = setInterval(() => every?.(socket), 200);
    await once(socket, 'close');
    clearInterval(timer);
    return statusOf(Buffer.concat(chunks).toString());
  };

  it('a head byte by byte, a body byte by byte, a body that stops: 408', async () => {
    const start = `POST /v1/sandboxes HTTP/1.1\r\n${host()}\r\n${auth}\r\nContent-Type: application/json\r\n`;
    const upload = `PUT /v1/sandboxes/${id}/files?path=slow HTTP/1.1\r\n${host()}\r\n${auth}\r\nContent-Length: 1000\r\n\r\n`;
    const statuses = await Promise.all([
      slow('GET /healthz HTTP/1.1\r\n', (socket) => socket.write('X')),
      slow(`${start}Content-Length: 1000\r\n\r\n`, (socket) => socket.write(' ')),
      slow(`${upload}partial`),
    ]);
    expect(statuses).toEqual([408, 408, 408]);
    const stat = await served.call('GET', `/v1/sandboxes/${id}/files/stat?path=slow`);
    expect(stat.status).toBe(404);
  });

  it('a reader that does not read is cut, and what it left unread is not kept', async () => {
    await served.call('POST', `/v1/sandboxes/${id}/exec`, { command: 'head -c 64M /dev/zero > big' });
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    const socket = connect(served.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(`GET /v1/sandboxes/${id}/files?path=big HTTP/1.1\r\n${host()}\r\n${auth}\r\n\r\n`);
    await once(socket, 'readable');
    socket.pause();
    await expect
      .poll(async () => (await served.call('GET', `/v1/sandboxes/${id}?stats=1`)).body.stats.commands, {
        timeout: 10_000,
      })
      .toBe(0);
    // The body has 64 MiB. Memory of other requests is freed between two looks.
    const kept = () => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers - before;
    };
    await expect.poll(kept).toBeLessThan(40 * 1024 * 1024);
    socket.destroy();
  });
});

describe('a server that would be open', () => {
  it('does not start', async () => {
    const open = (options: object) => rejection(RipcordServer.open(under.manager, options as never));
    const tokens = [{ name: 'a', token: TOKEN }];
    expect(await open({ listen: { port: 0 } })).toMatchObject({ code: 'invalid-options' });
    expect(await open({ listen: { host: '0.0.0.0', port: 0 }, tokens })).toMatchObject({ code: 'invalid-options' });
    expect(await open({ listen: { host: 'example.org', port: 0 }, tokens })).toMatchObject({ code: 'invalid-options' });
    expect(await open({ listen: { port: 0 }, tokens: [{ name: 'a', token: 'short' }] })).toMatchObject({
      code: 'invalid-options',
    });
    expect(await open({ listen: { port: 0 }, tokens, callers: { allowEgress: ['10.0.0.1'] } })).toMatchObject({
      code: 'invalid-options',
    });
    expect(await open({ listen: { socket: '/etc/passwd' } })).toMatchObject({ code: 'invalid-options' });
  });
});
