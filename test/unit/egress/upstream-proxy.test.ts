/** A machine that has to go through a proxy itself. */
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { HOST_NAME } from '../../../src/egress/own-names.js';
import { upstreamChoice } from '../../../src/egress/upstream-proxy.js';
import { EgressWorld, talk, tunnel } from '../../helpers/egress-world.js';

let world: EgressWorld;
/** First lines and credentials of the requests to the machine's proxy. */
let asked: string[] = [];
const upstream = http.createServer((request, response) => {
  asked.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? 'nobody'}`);
  response.end('from the proxy');
});
upstream.on('connect', (request: http.IncomingMessage, socket: net.Socket) => {
  asked.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? 'nobody'}`);
  if (request.url === 'refused.test:443') return void socket.end('HTTP/1.1 407 Who are you\r\n\r\n');
  socket.write('HTTP/1.1 200 OK\r\n\r\n');
  const [host, port] = request.url!.split(':');
  const onward = world.outside.connect(host!, Number(port));
  onward.on('error', () => {});
  socket
    .on('error', () => {})
    .pipe(onward)
    .pipe(socket);
});
let url: string;

/** The world has no names: a connection past the proxy fails. */
const open = (network: Parameters<EgressWorld['proxy']>[0]) =>
  world.proxy(network, {
    ...world.outside,
    connect: (address, port) =>
      port === (upstream.address() as AddressInfo).port
        ? net.connect(port, address)
        : world.outside.connect(address, port),
  });

beforeAll(async () => {
  world = await EgressWorld.open({ 'direct.test': [['93.184.216.34']] });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  url = `http://us%C3%A9r:pass@127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});
afterAll(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await world[Symbol.asyncDispose]();
});
const WHO = `Basic ${Buffer.from('usér:pass').toString('base64')}`;
const get = (host: string) => `GET http://${host}/a HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

describe('network.upstreamProxy', () => {
  test('takes plain requests as they are, and tunnels', async () => {
    const { port, proxy } = await open({ allow: ['ok.test', '10.0.0.7:443'], upstreamProxy: url });
    asked = [];
    expect(await talk(port, get('ok.test'))).toContain('from the proxy');
    const socket = tls.connect({ socket: await tunnel(port, 'ok.test:443'), servername: 'ok.test', ca: world.ca });
    await once(socket, 'secureConnect');
    socket.end('GET /b HTTP/1.1\r\nHost: ok.test\r\nConnection: close\r\n\r\n');
    await once(socket.resume(), 'close');
    expect(asked).toEqual([`GET http://ok.test/a ${WHO}`, `CONNECT ok.test:443 ${WHO}`]);
    expect(world.seen.at(-1)).toMatchObject({ url: '/b', tls: true });
    expect(JSON.stringify(proxy.log)).not.toContain('pass');
    expect(proxy.log.at(-1)).toMatchObject({ rule: 'ok.test', address: '127.0.0.1' });
  });

  test('HTTP in a tunnel goes as plain requests, which every proxy takes', async () => {
    const { port } = await open({ allow: ['ok.test'], upstreamProxy: url });
    asked = [];
    const socket = await tunnel(port, 'ok.test:80');
    socket.write('GET /t HTTP/1.1\r\nHost: ok.test\r\nConnection: close\r\n\r\n');
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    expect(answer).toContain('from the proxy');
    expect(asked).toEqual([`GET http://ok.test/t ${WHO}`]);
  });

  test('rules on names, literal addresses and server names stay', async () => {
    const { port, proxy } = await open({ allow: ['ok.test', '10.0.0.7:443'], deny: ['10.0.0.9'], upstreamProxy: url });
    asked = [];
    for (const host of ['evil.test', '10.0.0.8', '10.0.0.9', 'evil.test:80']) {
      expect(await talk(port, get(host))).toMatch(/^HTTP\/1\.1 403 /);
    }
    const socket = tls.connect({ socket: await tunnel(port, 'ok.test:443'), servername: 'evil.test' });
    await expect(once(socket, 'secureConnect')).rejects.toThrow('unrecognized name');
    expect(asked).toEqual([`CONNECT ok.test:443 ${WHO}`]);
    expect(proxy.log.at(-1)).toMatchObject({ reason: 'tls-name' });
  });

  test('what it refuses is told, and a proxy that is not there', async () => {
    const { port } = await open({ allow: ['refused.test'], upstreamProxy: url });
    const answer = await talk(port, 'CONNECT refused.test:443 HTTP/1.1\r\nHost: refused.test:443\r\n\r\n');
    expect(answer).toContain("502 Ripcord: refused.test:443: the proxy of this machine answers '407 Who are you'");
    const nowhere = await open({ allow: ['ok.test'], upstreamProxy: 'http://nowhere.test:3128' });
    expect(await talk(nowhere.port, get('ok.test'))).toContain('502 Ripcord: nowhere.test has no address');
  });

  test('the machine’s own ports need none', async () => {
    const { port } = await open({ allow: ['localhost:80'], upstreamProxy: url });
    asked = [];
    expect(await talk(port, get(HOST_NAME))).toContain('origin /a');
    expect(asked).toEqual([]);
  });

  test('env: what the environment says, NO_PROXY too', async () => {
    vi.stubEnv('HTTP_PROXY', url);
    vi.stubEnv('http_proxy', '');
    vi.stubEnv('no_proxy', 'direct.test');
    try {
      const { port } = await open({ allow: ['ok.test', 'direct.test'], upstreamProxy: 'env' });
      asked = [];
      expect(await talk(port, get('ok.test'))).toContain('from the proxy');
      expect(await talk(port, get('direct.test'))).toContain('origin /a');
      expect(asked).toHaveLength(1);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test.each(['socks5://user:secret@127.0.0.1:1', 'proxy.test:3128', 'http://', 'user:secret@proxy', 'none'])(
    '%s is refused, and not repeated',
    async (text) => {
      const failure = await open({ allow: [], upstreamProxy: text }).catch((error: Error) => error.message);
      expect(failure).toBe("create: network.upstreamProxy: expected 'env' or the http:// or https:// URL of a proxy");
    },
  );
});

describe('NO_PROXY', () => {
  const direct = (list: string, host: string, port = 443) =>
    upstreamChoice('env', { HTTPS_PROXY: 'proxy.test:3128', NO_PROXY: list })({ host, port }, 'https') === undefined;
  test.each<[list: string, host: string, expected: boolean, port?: number]>([
    ['corp.test', 'corp.test', true],
    ['corp.test', 'a.corp.test', true],
    ['.corp.test', 'a.corp.test', true],
    ['*.corp.test', 'a.corp.test', true],
    ['corp.test', 'evilcorp.test', false],
    ['a.test, b.test c.test', 'c.test', true],
    ['CORP.test:8443', 'corp.test', false],
    ['corp.test:8443', 'corp.test', true, 8443],
    ['*', 'any.test', true],
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['[fd00::1]', 'fd00::1', true],
    ['fd00::/8', 'fd00::1', true],
    ['10.0.0.0/99', '10.0.0.1', false],
    ['', 'any.test', false],
  ])('%j, %s: %s', (list, host, expected, port) => expect(direct(list, host, port)).toBe(expected));

  test('without variables there is no proxy, and ALL_PROXY is for all', () => {
    expect(upstreamChoice('env', {})({ host: 'a.test', port: 443 }, 'https')).toBeUndefined();
    const all = upstreamChoice('env', { ALL_PROXY: 'https://proxy.test' });
    expect(all({ host: 'a.test', port: 80 }, 'http')).toMatchObject({ tls: true, target: { port: 443 } });
  });
});
