/** A sandbox with an allow-list reaches itself by every name it has, and the machine by a name of its own. */
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Sandbox, SandboxManager } from 'ripcord-sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
const OWN = ['localhost', 'a.localhost', '127.0.0.1', '127.0.0.9', '0.0.0.0', '[::1]', 'sandbox'];
/** A port that both the machine and the sandbox have. */
let port: number;
const host = http.createServer((_, response) => response.end('the machine'));
beforeAll(async () => {
  host.listen(0, '127.0.0.1');
  await once(host, 'listening');
  port = (host.address() as AddressInfo).port;
});
afterAll(() => {
  host.closeAllConnections();
  host.close();
});
const network = () => ({ network: { allow: [`localhost:${port}`, '*'] } });
const python = useSandbox(under, () => ({ image: 'python', ...network() }));
const node = useSandbox(under, () => ({ image: 'node', ...network() }));
const shell = useSandbox(under, () => ({ image: 'shell', ...network() }));

const PERL = `use IO::Socket::IP; my $l = IO::Socket::IP->new(LocalHost => '::', LocalPort => shift, Listen => 50, ReuseAddr => 1, V6Only => 0) or die $@;
while (my $c = $l->accept) { while (<$c>) { last if /^\\r?\\n$/ } print $c "HTTP/1.1 200 OK\\r\\nContent-Length: 11\\r\\nConnection: close\\r\\n\\r\\nthe sandbox"; close $c }`;

/** On all addresses of the sandbox; every image has perl. */
async function serve(sandbox: Sandbox): Promise<void> {
  await sandbox.spawn(['perl', '-e', PERL, String(port)], { detached: true });
  await sandbox.ports.waitFor(port);
}
const expected = (names: string[]) => names.map((name) => `${name} the sandbox\n`).join('');

describe('its own names', () => {
  beforeAll(() => Promise.all([python(), node(), shell()].map(serve)));

  it.each([
    ['urllib', 'import urllib.request\ndef get(u): return urllib.request.urlopen(u, timeout=20).read().decode()'],
    ['requests', 'from pip._vendor import requests\ndef get(u): return requests.get(u, timeout=20).text'],
  ])('with %s', async (_, get) => {
    const { stdout, stderr } = await python().exec([
      'python3',
      '-c',
      `${get}\nfor name in ${JSON.stringify(OWN)}: print(name, get(f'http://{name}:${port}/'))`,
    ]);
    expect(stderr).toBe('');
    expect(stdout).toBe(expected(OWN));
  });

  it.each([
    ['Node’s fetch', 'const get = async (url) => (await fetch(url)).text()'],
    [
      'Node’s http',
      `const get = (url) => new Promise((resolve, reject) => require('http').get(url, (answer) => {
         let text = ''; answer.on('data', (c) => { text += c }).on('end', () => resolve(text)) }).on('error', reject))`,
    ],
  ])('with %s', async (_, get) => {
    const { stdout, stderr } = await node().exec([
      'node',
      '-e',
      `${get};\n(async () => { for (const name of ${JSON.stringify(OWN)}) console.log(name, await get('http://' + name + ':${port}/')) })()`,
    ]);
    expect(stderr).toBe('');
    expect(stdout).toBe(expected(OWN));
  });

  it('with curl', async () => {
    const { stdout, stderr } = await shell().exec(
      OWN.map((name) => `echo "${name} $(curl -gsS http://${name}:${port}/)"`).join('\n'),
    );
    expect(stderr).toBe('');
    expect(stdout).toBe(expected(OWN));
  });

  it('with npm and pip, which take them for a registry', async () => {
    const ping = `npm ping --registry http://127.0.0.1:${port}/ --fetch-retries 0`;
    expect((await node().exec(ping)).exitCode).toBe(0);
    const download = await python().exec(
      `python3 -m pip download --retries 0 --index-url http://0.0.0.0:${port}/ --trusted-host 0.0.0.0 nothing`,
    );
    expect(download.stderr).toContain('No matching distribution');
    expect(download.stderr).not.toContain('403');
  });

  it('also by a tunnel, for those that ask for one', async () => {
    const { stdout } = await shell().exec(
      `curl -gsS --noproxy '' -p -x $http_proxy http://[::1]:${port}/; echo; curl -gsS --noproxy '' -x $http_proxy http://localhost:${port}/`,
    );
    expect(stdout).toBe('the sandbox\nthe sandbox');
  });

  it('are no matter of the log', () => {
    for (const sandbox of [python(), node(), shell()]) expect(sandbox.egress!.log).toEqual([]);
  });

  it('with nothing behind them say so, and where the machine’s port is', async () => {
    const { stdout } = await shell().exec(`curl -gsS --noproxy '' -x $http_proxy http://[::1]:9/`);
    expect(stdout).toContain('[::1] is the sandbox itself: Nothing listens on port 9');
    expect(stdout).toContain('host.ripcord.internal:9');
  });
});

describe('the machine', () => {
  it('is host.ripcord.internal, on the ports that are listed', async () => {
    const { stdout } = await shell().exec(
      `curl -sS http://host.ripcord.internal:${port}/; echo; curl -sS http://host.ripcord.internal:1/`,
    );
    expect(stdout).toMatch(
      /^the machine\nRipcord: host\.ripcord\.internal:1: network\.allow 'localhost:\d+' is for port/,
    );
    expect(shell().egress!.log.at(-2)).toMatchObject({ rule: `localhost:${port}`, address: '127.0.0.1' });
  });

  it('is not meant by a star, and denied where localhost is', async () => {
    await using manager = await SandboxManager.open({ stateDir: `${under.stateDir}-2` });
    manager.denyEgress([`localhost:${port}`]);
    await using sandbox = await manager.create({ image: 'shell', ...network() });
    const { stdout } = await sandbox.exec(
      `curl -sS http://host.ripcord.internal:${port}/; curl -sS http://host.ripcord.internal/`,
    );
    expect(stdout).toMatch(/is denied by network\.deny 'localhost:\d+'\n.*is for port/);
  });
});
