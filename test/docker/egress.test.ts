/** Egress through the pipe: real programs in a sandbox that has no network, and a host that decides. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { InvalidOptionsError, type ManagerEvent, type Sandbox } from 'ripcord-sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { packageAccess } from '../helpers/package-access.js';
import { useManager, useSandbox } from '../helpers/sandbox.js';

const under = useManager();
/** The name of this machine inside. */
const HOST = 'host.ripcord.internal';
const BIG = randomBytes(1024)
  .toString('hex')
  .repeat(1024 * 16);

let requests: http.IncomingMessage[] = [];
const server = http.createServer((request, response) => {
  requests.push(request);
  if (request.url === '/big') {
    response.end(BIG);
    return;
  }
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  request.on('end', () => response.end(`host ${request.method} ${request.url} ${bytes}`));
});
const echo = net.createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});
let port: number;
let echoPort: number;
let foreign: http.Server;
let foreignPort: number;
let foreignSeen = 0;
beforeAll(async () => {
  foreign = http.createServer((_, response) => {
    foreignSeen++;
    response.end('you should not see this');
  });
  for (const each of [server, echo, foreign]) {
    each.listen(0, '127.0.0.1');
    await once(each, 'listening');
  }
  port = (server.address() as AddressInfo).port;
  echoPort = (echo.address() as AddressInfo).port;
  foreignPort = (foreign.address() as AddressInfo).port;
});
afterAll(() => {
  for (const each of [server, foreign]) each.closeAllConnections();
  for (const each of [server, echo, foreign]) each.close();
});

const python = async (sandbox: Sandbox, code: string, timeoutMs = 30_000) => {
  const { stdout, stderr, outcome } = await sandbox.exec(['python3', '-c', code], { timeoutMs });
  return { stdout, stderr, outcome };
};
const FETCH = (url: string) => `
import urllib.request, urllib.error
try: print(urllib.request.urlopen(${JSON.stringify(url)}, timeout=20).read().decode()[:200])
except urllib.error.HTTPError as e: print('HTTP', e.code, e.reason)
except Exception as e: print('ERROR', e)
`;

describe('a sandbox with a list', () => {
  const sandbox = useSandbox(under, () => ({
    network: { allow: [`localhost:${port}`, `localhost:${echoPort}`, '*.allowed.test'] },
  }));

  it('has no interface but lo all the same', async () => {
    const { stdout } = await sandbox().exec('ls /sys/class/net');
    expect(stdout).toBe('lo\n');
  });

  it('reaches what is listed, and nothing else of the same machine', async () => {
    expect((await python(sandbox(), FETCH(`http://${HOST}:${port}/a?b`))).stdout).toBe('host GET /a?b 0\n');
    const { stdout } = await python(sandbox(), FETCH(`http://${HOST}:${foreignPort}/`));
    expect(stdout).toContain(`HTTP 403 Ripcord: ${HOST}:${foreignPort}: network.allow`);
    for (const url of ['http://example.com/', 'https://example.com/', 'http://169.254.169.254/']) {
      expect((await python(sandbox(), FETCH(url))).stdout, url).toContain('is not in network.allow');
    }
    expect(foreignSeen).toBe(0);
  });

  it('cannot go round the proxy', async () => {
    const { stdout } = await python(
      sandbox(),
      `
import socket
for where in [('127.0.0.1', ${port}), ('10.0.0.1', 80), ('8.8.8.8', 53), ('169.254.169.254', 80)]:
    try: socket.create_connection(where, timeout=3); print('connected to', where)
    except OSError as e: print(type(e).__name__)
try: print(socket.getaddrinfo('example.com', 80))
except OSError as e: print('no resolver')
`,
    );
    expect(stdout).toBe('ConnectionRefusedError\nOSError\nOSError\nOSError\nno resolver\n');
  });

  it('tells what was allowed and denied, in the log and as events', async () => {
    const before = under.events.length;
    await python(sandbox(), FETCH(`http://${HOST}:${port}/log`));
    await python(sandbox(), FETCH('https://sub.notallowed.test/'));
    const events = under.events.slice(before).filter((event) => event.type === 'egress') as Extract<
      ManagerEvent,
      { type: 'egress' }
    >[];
    expect(events.map(({ record }) => [record.verdict, record.kind, record.target, record.reason])).toEqual([
      ['allowed', 'http', `${HOST}:${port}`, undefined],
      ['denied', 'connect', 'sub.notallowed.test:443', 'not-allowed'],
    ]);
    expect(events[0]).toMatchObject({
      sandbox: sandbox().id,
      record: { rule: `localhost:${port}`, address: '127.0.0.1' },
    });
    expect(sandbox().egress?.log.slice(-2)).toEqual(events.map(({ record }) => record));
  });

  it('moves data both ways, exactly', async () => {
    const { stdout } = await python(
      sandbox(),
      `
import hashlib, os, urllib.request
body = urllib.request.urlopen('http://${HOST}:${port}/big').read()
print(len(body), urllib.request.urlopen(urllib.request.Request('http://${HOST}:${port}/up', data=body)).read().decode())
`,
    );
    expect(stdout).toBe(`${BIG.length} host POST /up ${BIG.length}\n`);
  });

  it('has tunnels whose directions end by themselves', async () => {
    const { stdout } = await python(
      sandbox(),
      `
import os, socket, time, urllib.parse
proxy = urllib.parse.urlparse(os.environ['HTTPS_PROXY'])
s = socket.create_connection((proxy.hostname, proxy.port))
s.sendall(b'CONNECT ${HOST}:${echoPort} HTTP/1.1\\r\\nHost: ${HOST}:${echoPort}\\r\\n\\r\\n')
print(s.recv(1000).split(b'\\r\\n')[0].decode())
s.sendall(b'x' * 1200000); s.shutdown(socket.SHUT_WR)
# By now all of it has come back, and the other side has nothing more to do with it.
time.sleep(0.5)
total = 0
while (data := s.recv(65536)): total += len(data)
print(total)
`,
    );
    expect(stdout).toBe('HTTP/1.1 200 Connection Established\n1200000\n');
  });

  it('serves many connections at once, and more than the limit in turn', async () => {
    const { stdout } = await python(
      sandbox(),
      `
import concurrent.futures, urllib.request
def get(i): return urllib.request.urlopen(f'http://${HOST}:${port}/{i}').read().decode()
with concurrent.futures.ThreadPoolExecutor(100) as pool: answers = list(pool.map(get, range(300)))
print(sum(answers[i] == f'host GET /{i} 0' for i in range(300)))
`,
      60_000,
    );
    expect(stdout).toBe('300\n');
  });

  it('survives a program that opens connections and says nothing, and the next command works', async () => {
    const { outcome } = await python(
      sandbox(),
      `
import os, socket, urllib.parse
proxy = urllib.parse.urlparse(os.environ['HTTPS_PROXY'])
held = []
for _ in range(150): held.append(socket.create_connection((proxy.hostname, proxy.port), timeout=5))
for s in held[::2]: s.sendall(b'GET http://${HOST}:${port}/ HTTP')
`,
    );
    expect(outcome).toBe('exited');
    expect((await python(sandbox(), FETCH(`http://${HOST}:${port}/after`))).stdout).toBe('host GET /after 0\n');
  });

  it('keeps working when a command kills all it may', async () => {
    await sandbox().exec('kill -9 -1');
    expect((await python(sandbox(), FETCH(`http://${HOST}:${port}/still`))).stdout).toBe('host GET /still 0\n');
  });
});

describe('options', () => {
  it('that are no list entries are named before anything is made', async () => {
    const before = under.events.length;
    const create = under.manager.create({ network: { allow: ['http://example.com'] } });
    await expect(create).rejects.toThrow(InvalidOptionsError);
    await expect(create).rejects.toThrow("network.allow.0: 'http://example.com'");
    await expect(under.manager.create({ network: { alow: [] } } as never)).rejects.toThrow(/alow/);
    expect(under.events.slice(before).filter(({ type }) => type === 'sandbox.created')).toEqual([]);
  });

  it('maxBytes cuts the connection', async () => {
    await using sandbox = await under.manager.create({
      network: { allow: [`localhost:${port}`], maxBytes: 100_000 },
    });
    const { stdout } = await python(sandbox, FETCH(`http://${HOST}:${port}/big`));
    expect(stdout).not.toContain(BIG.slice(0, 100));
    expect((await python(sandbox, FETCH(`http://${HOST}:${port}/`))).stdout).not.toContain('host GET');
    expect(sandbox.egress!.bytes).toBeLessThan(2 * 1024 ** 2);
  });

  it('inject adds a header that the sandbox never sees', async () => {
    process.env.RIPCORD_TEST_SECRET = 'out-of-reach';
    try {
      await using sandbox = await under.manager.create({
        network: {
          allow: [`localhost:${port}`],
          inject: [{ host: `localhost:${port}`, header: 'X-Api-Key', fromEnv: 'RIPCORD_TEST_SECRET', tls: false }],
        },
      });
      requests = [];
      await python(sandbox, FETCH(`http://${HOST}:${port}/key`));
      expect(requests.at(-1)?.headers['x-api-key']).toBe('out-of-reach');
      const { stdout } = await sandbox.exec('env; grep -rs out-of-reach /workspace /tmp /proc/*/environ | wc -l');
      expect(stdout).not.toContain('out-of-reach');
      expect(stdout).toMatch(/\n0\n$/);
    } finally {
      delete process.env.RIPCORD_TEST_SECRET;
    }
  });
});

describe('package managers', () => {
  let served: TempDir;
  let files: http.Server;
  let filesPort: number;
  beforeAll(async () => {
    served = await makeTempDir('served');
    files = http.createServer((request, response) => {
      const path = join(served.path, decodeURIComponent(new URL(request.url!, 'http://x').pathname));
      try {
        if (path.endsWith('/')) response.setHeader('Content-Type', 'text/html');
        response.end(readFileSync(path.endsWith('/') ? `${path}index.html` : path));
      } catch {
        response.writeHead(404).end();
      }
    });
    files.listen(0, '127.0.0.1');
    await once(files, 'listening');
    filesPort = (files.address() as AddressInfo).port;
  });
  afterAll(async () => {
    files.closeAllConnections();
    files.close();
    await served.remove();
  });

  it('npm installs from the registry this machine is set up with, and from nowhere else', async () => {
    await using sandbox = await under.manager.create({ image: 'node', network: packageAccess('@npm') });
    const result = await sandbox.exec('npm install is-number@7.0.0 --no-audit --no-fund --no-update-notifier', {
      timeoutMs: 60_000,
    });
    expect(result.stderr).not.toContain('npm error');
    const { stdout } = await sandbox.exec(['node', '-p', 'require("is-number")("7")']);
    expect(stdout).toBe('true\n');
    const elsewhere = await sandbox.exec(
      'npm view is-number --registry https://registry.example.test/ --fetch-retries 0',
      {
        timeoutMs: 60_000,
      },
    );
    expect(elsewhere.exitCode).not.toBe(0);
    const allowed = sandbox.egress!.log.filter(({ verdict }) => verdict === 'allowed').map(({ target }) => target);
    expect(allowed.length).toBeGreaterThan(0);
    expect(sandbox.egress!.allow).toEqual(expect.arrayContaining(allowed));
    expect(sandbox.egress!.allow).not.toContain('@npm');
  });

  it('pip installs from the index this machine is set up with, and its host of files', async () => {
    await using sandbox = await under.manager.create({ network: packageAccess('@pip') });
    const { stdout, stderr } = await sandbox.exec('python3 -m pip install --no-cache-dir --target lib six==1.16.0', {
      timeoutMs: 60_000,
    });
    expect(stderr + stdout).toContain('Successfully installed six-1.16.0');
  });

  it('pip installs from an index on the host’s loopback', async () => {
    const package_ = join(served.path, 'src');
    mkdirSync(join(package_, 'ripcord_demo'), { recursive: true });
    writeFileSync(join(package_, 'ripcord_demo', '__init__.py'), 'ANSWER = 42\n');
    mkdirSync(join(served.path, 'simple', 'ripcord-demo'), { recursive: true });
    const wheel = 'ripcord_demo-1.0-py3-none-any.whl';
    await using sandbox = await under.manager.create({ network: { allow: [`localhost:${filesPort}`] } });
    await python(
      sandbox,
      `
import zipfile
with zipfile.ZipFile('/workspace/${wheel}', 'w') as z:
    z.writestr('ripcord_demo/__init__.py', 'ANSWER = 42\\n')
    z.writestr('ripcord_demo-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: ripcord-demo\\nVersion: 1.0\\n')
    z.writestr('ripcord_demo-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    z.writestr('ripcord_demo-1.0.dist-info/RECORD', 'ripcord_demo/__init__.py,,\\nripcord_demo-1.0.dist-info/METADATA,,\\nripcord_demo-1.0.dist-info/WHEEL,,\\nripcord_demo-1.0.dist-info/RECORD,,\\n')
`,
    );
    writeFileSync(join(served.path, 'simple', 'ripcord-demo', wheel), await sandbox.files.read(`/workspace/${wheel}`));
    writeFileSync(join(served.path, 'simple', 'ripcord-demo', 'index.html'), `<a href="${wheel}">${wheel}</a>`);
    const install = await sandbox.exec(
      `python3 -m pip install --no-cache-dir --target lib --trusted-host ${HOST} --index-url http://${HOST}:${filesPort}/simple/ ripcord-demo`,
      { timeoutMs: 60_000 },
    );
    expect(install.stderr + install.stdout).toContain('Successfully installed ripcord-demo-1.0');
    const { stdout } = await sandbox.exec(
      'PYTHONPATH=lib python3 -c "import ripcord_demo; print(ripcord_demo.ANSWER)"',
    );
    expect(stdout).toBe('42\n');
  });

  it('git clones from a repository on the host’s loopback', async () => {
    const work = join(served.path, 'work');
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t.test', '-C', work, ...args], { stdio: 'pipe' });
    mkdirSync(work);
    git('init', '-q');
    writeFileSync(join(work, 'file.txt'), 'from the host\n');
    git('add', '.');
    git('commit', '-qm', 'one');
    execFileSync('git', ['clone', '-q', '--bare', work, join(served.path, 'repo.git')], { stdio: 'pipe' });
    execFileSync('git', ['-C', join(served.path, 'repo.git'), 'update-server-info']);
    await using sandbox = await under.manager.create({
      image: 'shell',
      network: { allow: [`localhost:${filesPort}`] },
    });
    const clone = await sandbox.exec(`git clone -q http://${HOST}:${filesPort}/repo.git here && cat here/file.txt`, {
      timeoutMs: 60_000,
    });
    expect(clone.stderr).toBe('');
    expect(clone.stdout).toBe('from the host\n');
    const curl = await sandbox.exec('curl -sS https://example.com/', { timeoutMs: 20_000 });
    expect(curl.exitCode).not.toBe(0);
    expect(curl.stderr).toContain('403');
  });
});
