/** The proxy against clients that lie: what it dials is all that counts. */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EgressProxy } from '../../../src/egress/proxy.js';
import { EgressWorld, talk, tunnel } from '../../helpers/egress-world.js';

const PUBLIC = '93.184.216.34';
const NAMES = {
  'ok.test': [[PUBLIC]],
  'a.wild.test': [[PUBLIC]],
  'denied.wild.test': [[PUBLIC]],
  'evil.test': [['93.184.216.66']],
  'private.wild.test': [['10.0.0.5']],
  'metadata.wild.test': [['169.254.169.254']],
  'loopback.wild.test': [['127.0.0.1'], ['::1']],
  'mapped.wild.test': [['::ffff:127.0.0.1']],
  'nat64.wild.test': [['64:ff9b::7f00:1']],
  'unique.wild.test': [['fd00:ec2::254']],
  'nowhere.wild.test': [[]],
  'rebind.wild.test': [[PUBLIC], ['127.0.0.1']],
  'mixed.wild.test': [['127.0.0.1', PUBLIC]],
};

let world: EgressWorld;
let proxy: EgressProxy;
let port: number;
beforeAll(async () => {
  world = await EgressWorld.open(NAMES);
  ({ proxy, port } = await world.proxy({
    allow: ['ok.test', '*.wild.test', 'tcp.wild.test:25'],
    deny: ['denied.wild.test'],
  }));
});
afterAll(() => world[Symbol.asyncDispose]());

/** Returns the client's answer and the addresses that the proxy dialled. */
async function attempt(bytes: string | Buffer, until?: RegExp): Promise<{ answer: string; dialled: string[] }> {
  const before = world.dialled.length;
  const answer = await talk(port, bytes, until);
  return { answer, dialled: world.dialled.slice(before) };
}
const get = (url: string, host: string, more = '') =>
  `GET ${url} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`;
const connect = (target: string, host = target) => `CONNECT ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

describe('what is listed works', () => {
  test('plain HTTP, with its body and without what is for the proxy', async () => {
    const { answer, dialled } = await attempt(
      'POST http://ok.test/a?b=1 HTTP/1.1\r\nHost: OK.test\r\nProxy-Authorization: Basic eA==\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\nContent-Length: 5\r\n\r\nhello',
    );
    expect(answer).toContain('HTTP/1.1 200 ');
    expect(answer).toContain('origin /a?b=1');
    expect(dialled).toEqual([`${PUBLIC}:80`]);
    const seen = world.seen.at(-1)!;
    expect(seen).toMatchObject({ method: 'POST', url: '/a?b=1', body: 'hello', tls: false });
    expect(seen.headers).toMatchObject({ host: 'ok.test', via: '1.1 ripcord', 'x-end': '2' });
    expect(Object.keys(seen.headers)).not.toEqual(expect.arrayContaining(['proxy-authorization', 'x-hop']));
  });

  test('a chunked body, and several requests on one connection', async () => {
    const one =
      'POST http://ok.test/1 HTTP/1.1\r\nHost: ok.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n';
    const { answer, dialled } = await attempt(one + get('http://a.wild.test/2', 'a.wild.test'));
    expect(answer).toMatch(/origin \/1.*origin \/2/s);
    expect(dialled).toHaveLength(2);
    expect(world.seen.at(-2)).toMatchObject({ url: '/1', body: 'abc' });
  });

  test('HTTP/1.0 without a Host', async () => {
    const { answer } = await attempt('GET http://ok.test/old HTTP/1.0\r\n\r\n');
    expect(answer).toContain('origin /old');
    expect(world.seen.at(-1)!.headers.host).toBe('ok.test');
  });

  test('TLS through a tunnel, end to end', async () => {
    const socket = tls.connect({ socket: await tunnel(port, 'ok.test:443'), servername: 'ok.test', ca: world.ca });
    await once(socket, 'secureConnect');
    socket.write('GET /secret HTTP/1.1\r\nHost: ok.test\r\nConnection: close\r\n\r\n');
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    expect(answer).toContain('origin /secret');
    expect(world.seen.at(-1)).toMatchObject({ tls: true, servername: 'ok.test' });
    expect(proxy.log.at(-1)).toMatchObject({
      verdict: 'allowed',
      kind: 'connect',
      target: 'ok.test:443',
      rule: 'ok.test',
    });
  });

  test('a name that has a private address beside its public one goes to the public one', async () => {
    expect((await attempt(get('http://mixed.wild.test/', 'mixed.wild.test'))).dialled).toEqual([`${PUBLIC}:80`]);
  });

  test('the address that was checked is the one that is dialled, whatever the name says next', async () => {
    expect((await attempt(get('http://rebind.wild.test/', 'rebind.wild.test'))).dialled).toEqual([`${PUBLIC}:80`]);
    const again = await attempt(get('http://rebind.wild.test/', 'rebind.wild.test'));
    expect(again.dialled).toEqual([]);
    expect(again.answer).toContain('X-Ripcord-Denied: private-address');
  });
});

/** Each is refused, and nothing is dialled. */
const BYPASSES: [what: string, bytes: string, status?: RegExp][] = [
  ...[
    'evil.test:443',
    'evil.test:80',
    'ok.test.evil.test:443',
    'evilok.test:443',
    'wild.test:443',
    'evilwild.test:443',
    'denied.wild.test:443',
    'ok.test:22',
    'ok.test:8443',
    'ok.test:65536',
    'ok.test:0',
    'ok.test:-443',
    'ok.test:443:443',
    'ok.test',
    'ok.test.:443',
    '.ok.test:443',
    'ok..test:443',
    'ok.test@evil.test:443',
    'evil.test@ok.test:443',
    'ok.test%2eevil.test:443',
    'ok.test%00.evil.test:443',
    'ok.test/evil.test:443',
    'ok.test#evil.test:443',
    'ok.test?evil.test:443',
    'ok.test,evil.test:443',
    'ok.test;evil.test:443',
    'http://ok.test:443',
    '//ok.test:443',
    '*.wild.test:443',
    '93.184.216.34:443',
    '127.0.0.1:443',
    '127.1:443',
    '0:443',
    '0.0.0.0:443',
    '2130706433:443',
    '0x7f000001:443',
    '0x7f.0.0.1:443',
    '0177.0.0.1:443',
    '127.0.0.1.:443',
    'localhost:443',
    'a.localhost:443',
    '[::1]:443',
    '[::ffff:127.0.0.1]:443',
    '[0:0:0:0:0:0:0:1]:443',
    '[fe80::1%25lo]:443',
    '169.254.169.254:80',
    '[fd00:ec2::254]:80',
    '2852039166:80',
    '0xa9fea9fe:80',
    '[::ffff:a9fe:a9fe]:80',
    'private.wild.test:443',
    'metadata.wild.test:80',
    'loopback.wild.test:443',
    'loopback.wild.test:443',
    'mapped.wild.test:443',
    'nat64.wild.test:443',
    'unique.wild.test:443',
    'nowhere.wild.test:443',
    'unknown.wild.test:443',
  ].map((target): [string, string] => [`CONNECT ${target}`, connect(target)]),
  ['CONNECT with another Host', connect('ok.test:443', 'evil.test:443')],
  ['CONNECT with another port in Host', connect('ok.test:443', 'ok.test:80')],
  ['CONNECT with a NUL in its target', connect('ok.test\0.evil.test:443', 'ok.test:443')],
  ['CONNECT with bytes beyond ASCII', connect('ok.test\xad:443', 'ok.test:443')],
  ...[
    'http://evil.test/',
    'http://ok.test@evil.test/',
    'http://evil.test#@ok.test/',
    'http://evil.test\\@ok.test/',
    'http://ok.test:81/',
    'http://ok.test:80:80/',
    'http://127.0.0.1/',
    'http://0x7f.1/',
    'http://[::1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://metadata.wild.test/latest/meta-data/',
    'http:///ok.test/',
    'http:ok.test/',
    'https://ok.test/',
    'ftp://ok.test/',
    'file:///etc/passwd',
    '/',
    '//ok.test/',
    'ok.test/',
    '*',
  ].map((url): [string, string] => [`GET ${url}`, get(url, 'ok.test')]),
  ['GET with another Host', get('http://ok.test/', 'evil.test')],
  ['GET with two Hosts', get('http://ok.test/', 'ok.test', 'Host: evil.test\r\n')],
  ['GET with a list in Host', get('http://ok.test/', 'ok.test, evil.test')],
  ['GET without a Host', 'GET http://ok.test/ HTTP/1.1\r\n\r\n'],
  ['a request that has been here before', get('http://ok.test/', 'ok.test', 'Via: 1.1 ripcord\r\n')],
  [
    'a body of two lengths',
    `POST http://ok.test/ HTTP/1.1\r\nHost: ok.test\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde`,
  ],
  [
    'a body of a length and chunks',
    `POST http://ok.test/ HTTP/1.1\r\nHost: ok.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['a bare CR in a field', 'GET http://ok.test/ HTTP/1.1\r\nHost: ok.test\r\nX: a\rHost: evil.test\r\n\r\n'],
  ['a space before the colon', 'GET http://ok.test/ HTTP/1.1\r\nHost : ok.test\r\n\r\n'],
  ['a line feed in the target', 'GET http://ok.test/\nHost: evil.test HTTP/1.1\r\nHost: ok.test\r\n\r\n'],
  ['HTTP/0.9', 'GET http://ok.test/\r\n\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['SOCKS', '\x05\x01\x00'],
  ['TLS to the proxy itself', '\x16\x03\x01\x00\x05hello'],
];

describe(`${BYPASSES.length} ways past the list`, () => {
  test.each(BYPASSES)('%j: refused, and nothing is dialled', async (_, bytes) => {
    const { answer, dialled } = await attempt(Buffer.from(bytes, 'latin1'));
    expect(dialled).toEqual([]);
    expect(answer).toMatch(/^HTTP\/1\.1 (400|403|502) /);
    expect(answer).not.toContain('origin');
  });

  test.each([
    [connect('ok.test.:443'), "'ok.test.' ends in a dot: write the name without it"],
    [get('http://ok.test./', 'ok.test'), "'ok.test.' ends in a dot: write the name without it"],
    [get('http://me:secret@ok.test/', 'ok.test'), "'ok.test' has a user before it: send credentials in a header field"],
    [connect('127.1:443'), "'127.1' is a short form of an address: write all four of its numbers"],
    [get('http://0x7f000001/', 'ok.test'), "'0x7f000001' is a short form of an address: write all four of its numbers"],
    [connect('ok.test'), "'ok.test' is not host:port"],
    [get('http://ok_.-/', 'ok.test'), "'ok_.-' is not a host, or a host with a port"],
    [get('https://ok.test/', 'ok.test'), "'https://ok.test/' is not an http:// URL; TLS goes through CONNECT"],
  ])('%j: is told why', async (bytes, why) => {
    const { answer } = await attempt(Buffer.from(bytes, 'latin1'));
    expect(answer.split('\r\n')[0]).toBe(`HTTP/1.1 400 Ripcord: ${why}`);
    expect(answer).not.toContain('secret');
  });

  test('a refusal comes at once and names what decided', async () => {
    for (let i = 0; i < 10; i++) await attempt(connect('evil.test:443'));
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const startedAt = performance.now();
      const { answer } = await attempt(connect('evil.test:443'));
      times.push(performance.now() - startedAt);
      expect(answer).toMatch(
        /^HTTP\/1\.1 403 Ripcord: evil\.test:443 is not in network\.allow \(ok\.test, \*\.wild\.test/,
      );
    }
    times.sort((a, b) => a - b);
    expect(times[25]).toBeLessThanOrEqual(20);
    const { answer } = await attempt(connect('denied.wild.test:443'));
    expect(answer).toContain("denied.wild.test:443 is denied by network.deny 'denied.wild.test'");
    expect(proxy.log.at(-1)).toMatchObject({ verdict: 'denied', reason: 'denied', rule: 'denied.wild.test' });
  });
});

describe('TLS to port 443 is of the name that was asked for', () => {
  const greet = async (options: tls.ConnectionOptions): Promise<string> => {
    const before = world.seen.length;
    const socket = tls.connect({ socket: await tunnel(port, 'ok.test:443'), rejectUnauthorized: false, ...options });
    const failure = await Promise.race([
      once(socket, 'error').then(([error]) => (error as NodeJS.ErrnoException).message),
      once(socket, 'secureConnect').then(() => 'connected'),
    ]).catch((error: Error) => error.message);
    socket.destroy();
    expect(world.seen).toHaveLength(before);
    return failure;
  };

  test('another name is refused, in TLS’s own words', async () => {
    expect(await greet({ servername: 'evil.test' })).toContain('unrecognized name');
    expect(proxy.log.at(-1)).toMatchObject({ reason: 'tls-name', target: 'ok.test:443' });
    expect(proxy.log.at(-1)!.message).toContain("'evil.test'");
  });

  test('a name of one host behind the wildcard is not that of another', async () => {
    expect(await greet({ servername: 'a.wild.test' })).toContain('unrecognized name');
  });

  test('no name is refused', async () => {
    expect(await greet({})).toContain('unrecognized name');
  });

  test.each([
    ['plain HTTP', 'GET / HTTP/1.1\r\nHost: ok.test\r\n\r\n'],
    ['SSH', 'SSH-2.0-x\r\n'],
    ['a record that never ends', `\x16\x03\x01\x40\x00${'\0'.repeat(100)}`],
  ])('%s is refused, or waited for in vain; the server sees none of it', async (_, bytes) => {
    const before = world.seen.length;
    const socket = await tunnel(port, 'ok.test:443');
    socket.write(Buffer.from(bytes, 'latin1'));
    socket.end();
    socket.on('error', () => {});
    await once(socket, 'close');
    expect(world.seen).toHaveLength(before);
    expect(proxy.log.at(-1)).toMatchObject({ verdict: 'denied', target: 'ok.test:443' });
  });
});

describe('limits', () => {
  test('past maxBytes connections are cut, and later ones refused', async () => {
    const { proxy: small, port: at } = await world.proxy({ allow: ['ok.test'], maxBytes: 2000 });
    const client = net.connect(at, '127.0.0.1');
    client.on('error', () => {});
    // Counted where the connection comes out of the sandbox's pipe, which a socket here is not.
    expect(small.count(2000)).toBe(true);
    expect(small.count(1)).toBe(false);
    client.destroy();
    const answer = await talk(at, get('http://ok.test/', 'ok.test'));
    expect(answer).toContain('403 Ripcord: network.maxBytes (2000) is used up');
  });

  test('requests sent ahead are served one by one, and a flood of them ends the connection', async () => {
    const one = get('http://ok.test/ahead', 'ok.test').replace('Connection: close\r\n', '');
    const { answer } = await attempt(one.repeat(20) + get('http://ok.test/last', 'ok.test'));
    expect(answer.match(/origin \/ahead/g)).toHaveLength(20);
    expect(answer).toContain('origin /last');
    const flood = await attempt(one.repeat(500));
    expect(flood.dialled.length).toBeLessThan(50);
  });

  test('the log keeps the last 1,000', async () => {
    const { proxy: logged, port: at } = await world.proxy({ allow: [] });
    const burst = get('http://evil.test/', 'evil.test').replace('Connection: close\r\n', '').repeat(30);
    for (let i = 0; i < 35; i++) await talk(at, burst + get('http://last.test/', 'last.test'));
    expect(logged.log).toHaveLength(1000);
    expect(logged.log.at(-1)!.target).toBe('http://last.test/');
  });
});

describe('credentials', () => {
  const TOKEN = 'a-secret-token';
  beforeAll(() => {
    process.env.RIPCORD_TEST_TOKEN = TOKEN;
  });
  afterAll(() => {
    delete process.env.RIPCORD_TEST_TOKEN;
  });
  const inject = { host: 'ok.test', header: 'Authorization', fromEnv: 'RIPCORD_TEST_TOKEN', prefix: 'Bearer ' };

  test('are added on the host, and the request goes on in TLS', async () => {
    const { port: at } = await world.proxy({ allow: ['ok.test'], inject: [inject] });
    const answer = await talk(at, get('http://ok.test/api', 'ok.test', 'authorization: mine\r\n'));
    expect(answer).toContain('origin /api');
    expect(answer).not.toContain(TOKEN);
    expect(world.seen.at(-1)).toMatchObject({ tls: true, servername: 'ok.test' });
    expect(world.seen.at(-1)!.headers).toMatchObject({ authorization: `Bearer ${TOKEN}`, host: 'ok.test' });
  });

  test('go to no other host', async () => {
    const { port: at } = await world.proxy({ allow: ['ok.test', 'a.wild.test'], inject: [inject] });
    await talk(at, get('http://a.wild.test/', 'a.wild.test'));
    expect(world.seen.at(-1)!.headers.authorization).toBeUndefined();
    expect(JSON.stringify(world.seen.at(-1))).not.toContain(TOKEN);
  });

  test('are not given to a server whose certificate is another’s', async () => {
    const { proxy: checked, port: at } = await world.proxy({
      allow: ['evil.test'],
      inject: [{ ...inject, host: 'evil.test' }],
    });
    const before = world.seen.length;
    const answer = await talk(at, get('http://evil.test/', 'evil.test'));
    expect(answer).toContain('403 ');
    expect(checked.log.at(-1)).toMatchObject({ verdict: 'denied', reason: 'credentials' });
    expect(world.seen).toHaveLength(before);
  });

  test('need an allowed host all the same', async () => {
    const { port: at } = await world.proxy({ allow: ['a.wild.test'], inject: [inject] });
    expect(await talk(at, get('http://ok.test/', 'ok.test'))).toContain('X-Ripcord-Denied: not-allowed');
  });

  test('without TLS only where that was said', async () => {
    const { port: at } = await world.proxy({ allow: ['ok.test'], inject: [{ ...inject, tls: false }] });
    await talk(at, get('http://ok.test/plain', 'ok.test'));
    expect(world.seen.at(-1)).toMatchObject({ tls: false, url: '/plain' });
    expect(world.seen.at(-1)!.headers.authorization).toBe(`Bearer ${TOKEN}`);
  });

  test('that are missing or no header are named before anything runs', async () => {
    await expect(world.proxy({ allow: [], inject: [{ ...inject, fromEnv: 'NO_SUCH' }] })).rejects.toThrow(
      'network.inject.0.fromEnv: the environment has no NO_SUCH',
    );
    await expect(world.proxy({ allow: [], inject: [{ ...inject, host: '*.ok.test' }] })).rejects.toThrow(
      "network.inject.0.host: '*.ok.test'",
    );
    process.env.RIPCORD_TEST_TOKEN = `${TOKEN}\r\nX: y`;
    const failure = await world.proxy({ allow: [], inject: [inject] }).catch((error: Error) => error.message);
    process.env.RIPCORD_TEST_TOKEN = TOKEN;
    expect(failure).toContain('holds bytes that a header cannot have');
    expect(failure).not.toContain(TOKEN);
  });
});
