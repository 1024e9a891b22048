import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { connectDocker } from '../../../src/backends/docker/connect.js';
import { resolveEndpoint } from '../../../src/backends/docker/endpoint.js';
import type { Environment } from '../../../src/backends/docker/environment.js';
import type { EngineOptions } from '../../../src/backends/docker/options.js';
import { firstUsualSocket, usualSockets } from '../../../src/backends/docker/usual-sockets.js';
import { useTempDirectory, withMode, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();
const servers: net.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A home of its own: nothing of the machine's user decides. */
const env = (more: Environment = {}): Environment => ({ HOME: temp('home'), ...more });
const resolve = (input?: string | EngineOptions, more?: Environment) => resolveEndpoint(input, env(more));

async function socketAt(file: string): Promise<string> {
  mkdirSync(path.dirname(file), { recursive: true });
  const server = net.createServer().listen(file);
  servers.push(server);
  await new Promise((done) => server.once('listening', done));
  return file;
}

function writeContext(name: string, docker: object, tls: Record<string, string> = {}): void {
  const id = createHash('sha256').update(name).digest('hex');
  writeTree(temp('home/.docker/contexts'), {
    meta: { [id]: { 'meta.json': JSON.stringify({ Name: name, Metadata: {}, Endpoints: { docker } }) } },
    tls: { [id]: { docker: tls } },
  });
}

const PEMS = { 'ca.pem': 'CA', 'cert.pem': 'CERT', 'key.pem': 'KEY' };
const CONTENTS = { ca: 'CA', cert: 'CERT', key: 'KEY' };

describe('a URL', () => {
  it.each<[string, object, string, boolean]>([
    ['unix:///run/x.sock', { socketPath: '/run/x.sock' }, '/run/x.sock', true],
    ['/run/x.sock', { socketPath: '/run/x.sock' }, '/run/x.sock', true],
    ['npipe:////./pipe/docker_engine', { socketPath: '//./pipe/docker_engine' }, '//./pipe/docker_engine', true],
    ['tcp://10.0.0.1:4243', { host: '10.0.0.1', port: '4243', protocol: 'http' }, 'tcp://10.0.0.1:4243', false],
    ['tcp://box', { host: 'box', port: '2375', protocol: 'http' }, 'tcp://box:2375', false],
    ['10.0.0.1:4243', { host: '10.0.0.1', port: '4243', protocol: 'http' }, 'tcp://10.0.0.1:4243', false],
    ['tcp://box:2376', { host: 'box', port: '2376', protocol: 'https' }, 'https://box:2376', false],
    ['http://box', { host: 'box', port: '80', protocol: 'http' }, 'tcp://box:80', false],
    ['https://box', { host: 'box', port: '443', protocol: 'https' }, 'https://box:443', false],
    ['tcp://[::1]:2375', { host: '::1', port: '2375', protocol: 'http' }, 'tcp://[::1]:2375', false],
    [
      'tcp://box:2375/engines/a/',
      { host: 'box', port: '2375', protocol: 'http', version: 'engines/a' },
      'tcp://box:2375/engines/a',
      false,
    ],
  ])('%s is understood', (url, options, description, local) => {
    expect(resolve(undefined, { DOCKER_HOST: url })).toEqual({ options, description, local, source: 'DOCKER_HOST' });
    expect(resolve(url)).toEqual({ options, description, local, source: 'options' });
  });

  it.each<[string, object, string]>([
    ['ssh://me@box:2222', { user: 'me', host: 'box', port: '2222' }, 'ssh://me@box:2222'],
    ['ssh://alias', { host: 'alias' }, 'ssh://alias'],
    ['ssh://me@box/run/x.sock', { user: 'me', host: 'box', socketPath: '/run/x.sock' }, 'ssh://me@box/run/x.sock'],
    ['ssh://[fe80::1]', { host: 'fe80::1' }, 'ssh://fe80::1'],
  ])('%s is understood', (url, ssh, description) => {
    expect(resolve(url)).toMatchObject({ ssh, description, local: false });
  });

  it.each<[string, RegExp]>([
    ['ftp://box', /scheme "ftp" is not known/],
    ['fd://3', /scheme "fd" is not known/],
    ['tcp://', /names no host|not a URL/],
    ['tcp://box:99999', /not a URL/],
    ['ssh://me:secret@box', /password/],
    ['tcp://me:secret@box', /password/],
    ['tcp://box?x=1', /query/],
    ['ssh://-oProxyCommand=touch%20x', /dash|not a URL/],
    ['ssh://-oProxyCommand%3dx@box', /dash/],
  ])('%s is refused, saying why and where it came from', (url, reason) => {
    const attempt = () => resolve(undefined, { DOCKER_HOST: url });
    expect(attempt).toThrow(
      expect.objectContaining({ code: 'endpoint-invalid', message: expect.stringMatching(reason) }),
    );
    expect(attempt).toThrow(/given by DOCKER_HOST/);
    expect(attempt).not.toThrow(/secret/);
  });
});

describe('TLS from the environment', () => {
  it('takes the certificates of DOCKER_CERT_PATH by content', () => {
    writeTree(temp('certs'), PEMS);
    const tls = { DOCKER_HOST: 'tcp://box', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: temp('certs') };
    expect(resolve(undefined, tls)).toMatchObject({
      options: { host: 'box', port: '2376', protocol: 'https', ...CONTENTS },
      description: 'https://box:2376',
    });
  });

  it('looks into ~/.docker without DOCKER_CERT_PATH', () => {
    writeTree(temp('home/.docker'), PEMS);
    expect(resolve(undefined, { DOCKER_HOST: 'tcp://box:1', DOCKER_TLS_VERIFY: '1' }).options).toMatchObject(CONTENTS);
  });

  it('names the file that is missing', () => {
    writeTree(temp('certs'), { 'ca.pem': '', 'key.pem': '' });
    expect(() =>
      resolve(undefined, { DOCKER_HOST: 'tcp://box', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: temp('certs') }),
    ).toThrow(
      expect.objectContaining({ code: 'endpoint-invalid', message: expect.stringContaining(temp('certs/cert.pem')) }),
    );
  });

  it('does not touch sockets and ssh', () => {
    const tls = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/nowhere' };
    expect(resolve('unix:///x', tls).options).toEqual({ socketPath: '/x' });
    expect(resolve('ssh://box', tls).options).not.toHaveProperty('ca');
  });
});

describe("dockerode's own options", () => {
  it.each<[string, EngineOptions, object]>([
    ['a socket', { socketPath: '/x' }, { socketPath: '/x' }],
    ['a host and port', { host: 'box', port: 3000 }, { host: 'box', port: '3000', protocol: 'http' }],
    ['a URL and port', { host: 'http://box', port: 3000 }, { host: 'box', port: '3000', protocol: 'http' }],
    ['an IPv6 address', { host: '::1', port: 3000 }, { host: '::1', port: '3000', protocol: 'http' }],
    ['https', { host: 'box', protocol: 'https', port: 3000 }, { host: 'box', port: '3000', protocol: 'https' }],
    [
      'certificates as bytes',
      { host: 'box', port: 1, ca: Buffer.from('CA'), cert: 'CERT', key: 'KEY' },
      { host: 'box', port: '1', protocol: 'https', ...CONTENTS },
    ],
    ['a socket as host', { host: 'unix:///x' }, { socketPath: '/x' }],
  ])('with %s', (_title, input, options) => {
    expect(resolve(input, { DOCKER_HOST: 'tcp://other', DOCKER_TLS_VERIFY: '1' })).toMatchObject({
      options,
      source: 'options',
    });
  });

  it('with ssh', () => {
    expect(resolve({ protocol: 'ssh', host: 'box', port: 22, username: 'me' }).ssh).toEqual({
      host: 'box',
      port: '22',
      user: 'me',
    });
  });

  it.each<[EngineOptions, RegExp]>([
    [{ port: 1 }, /neither socketPath nor host/],
    [{ socketPath: '/x', host: 'box' }, /one of socketPath, host and context/],
    [{ host: 'http://' }, /not a URL/],
    [{ host: 'box', protocol: 'ssh', sshOptions: {} }, /sshOptions is not supported/],
  ])('%j is refused', (input, message) => {
    expect(() => resolve(input)).toThrow(
      expect.objectContaining({ code: 'endpoint-invalid', message: expect.stringMatching(message) }),
    );
  });
});

describe('a docker context', () => {
  it('is used when it is current, and loses against DOCKER_CONTEXT, DOCKER_HOST and options', () => {
    writeTree(temp('home/.docker'), { 'config.json': JSON.stringify({ currentContext: 'colima' }) });
    writeContext('colima', { Host: 'unix:///colima.sock' });
    writeContext('other', { Host: 'unix:///other.sock' });
    expect(resolve()).toEqual({
      options: { socketPath: '/colima.sock' },
      description: '/colima.sock',
      source: 'context "colima"',
      local: true,
    });
    expect(resolve(undefined, { DOCKER_CONTEXT: 'other' }).description).toBe('/other.sock');
    expect(resolve({ context: 'other' }).description).toBe('/other.sock');
    expect(resolve({}).description).toBe('/colima.sock');
    expect(resolve(undefined, { DOCKER_CONTEXT: 'other', DOCKER_HOST: 'unix:///host.sock' }).source).toBe(
      'DOCKER_HOST',
    );
  });

  it('is looked for where DOCKER_CONFIG says', () => {
    writeTree(temp('elsewhere'), { 'config.json': '{"currentContext":"nope"}' });
    expect(() => resolve(undefined, { DOCKER_CONFIG: temp('elsewhere') })).toThrow(/no docker context "nope"/);
  });

  it('brings its certificates', () => {
    writeContext('tls', { Host: 'tcp://box:1234' }, PEMS);
    writeContext('ca-only', { Host: 'https://box' }, { 'ca.pem': 'CA' });
    expect(resolve({ context: 'tls' }).options).toEqual({ host: 'box', port: '1234', protocol: 'https', ...CONTENTS });
    expect(resolve({ context: 'ca-only' }).options).toEqual({ host: 'box', port: '443', protocol: 'https', ca: 'CA' });
  });

  it('of ssh is an ssh engine', () => {
    writeContext('far', { Host: 'ssh://me@far' });
    expect(resolve({ context: 'far' })).toMatchObject({ ssh: { user: 'me', host: 'far' }, source: 'context "far"' });
  });

  it('that does not exist lists those that do', () => {
    writeContext('b', { Host: 'unix:///b' });
    writeContext('a', { Host: 'unix:///a' });
    expect(() => resolve(undefined, { DOCKER_CONTEXT: 'c' })).toThrow(
      expect.objectContaining({
        code: 'endpoint-invalid',
        message: 'Cannot use the container engine given by DOCKER_CONTEXT: there is no docker context "c"',
        hint: expect.stringContaining('Known contexts: default, a, b.'),
      }),
    );
  });

  it('without a docker endpoint, or that skips verification, is refused', () => {
    writeContext('k8s', {});
    writeContext('blind', { Host: 'tcp://box', SkipTLSVerify: true });
    expect(() => resolve({ context: 'k8s' })).toThrow(/has no docker endpoint/);
    expect(() => resolve({ context: 'blind' })).toThrow(/skips TLS verification/);
  });

  it('named in a damaged configuration is an error that names the file', () => {
    writeTree(temp('home/.docker'), { 'config.json': '{' });
    expect(() => resolve()).toThrow(temp('home/.docker/config.json'));
  });

  it('default means the usual sockets', async () => {
    writeTree(temp('home/.docker'), { 'config.json': '{"currentContext":"default"}' });
    expect(usualSockets(env())).toContain(resolveOrTried());
  });

  /** The machine's own engine, if it has one, comes first; without one the error lists what was tried. */
  function resolveOrTried(): string {
    try {
      return resolve().description;
    } catch (error) {
      return (error as { details: { tried: string[] } }).details.tried[0]!;
    }
  }
});

describe('the usual sockets', () => {
  it("come in Docker's order, podman last", () => {
    expect(usualSockets({ HOME: '/h', XDG_RUNTIME_DIR: '/run/user/7' }, 'linux')).toEqual([
      '/var/run/docker.sock',
      '/run/user/7/docker.sock',
      '/h/.docker/run/docker.sock',
      '/h/.colima/default/docker.sock',
      '/h/.rd/docker.sock',
      '/h/.orbstack/run/docker.sock',
      '/run/user/7/podman/podman.sock',
      '/run/podman/podman.sock',
      '/h/.local/share/containers/podman/machine/podman.sock',
    ]);
    expect(usualSockets({}, 'win32')).toEqual(['//./pipe/docker_engine']);
  });

  it('are passed over where nothing or no socket is', async () => {
    writeFileSync(temp('file.sock'), '');
    const real = await socketAt(temp('real.sock'));
    expect(firstUsualSocket({}, [temp('none.sock'), temp('file.sock'), real])).toBe(real);
  });

  it.skipIf(process.getuid?.() === 0)('are passed over without permission while there is a better one', async () => {
    const closed = withMode(await socketAt(temp('closed.sock')), 0);
    const real = await socketAt(temp('real.sock'));
    expect(firstUsualSocket({}, [closed, real])).toBe(real);
    expect(firstUsualSocket({}, [closed])).toBe(closed);
  });

  it('that are all missing are listed', () => {
    const tried = [temp('a'), temp('b')];
    expect(() => firstUsualSocket({}, tried)).toThrow(
      expect.objectContaining({
        code: 'engine-not-found',
        message: expect.stringContaining(tried.join(', ')),
        details: { tried },
      }),
    );
  });
});

describe('connecting', () => {
  it('reaches an engine behind a path prefix', async () => {
    const asked: string[] = [];
    const server = http.createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end('OK');
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    servers.push(server);
    const { port } = server.address() as AddressInfo;
    const connection = connectDocker(resolve(`http://127.0.0.1:${port}/engines/a`));
    await connection.docker.ping();
    server.closeAllConnections();
    expect(asked).toEqual(['/engines/a/_ping']);
  });

  it('ignores a DOCKER_HOST of this process that dockerode would mix in or fail at', async () => {
    const saved = { ...process.env };
    Object.assign(process.env, { DOCKER_HOST: 'tcp://bad:host:x', DOCKER_CERT_PATH: '/nowhere' });
    try {
      const { docker } = connectDocker(resolve('unix:///nowhere.sock'));
      await expect(docker.ping()).rejects.toMatchObject({ code: 'ENOENT', address: '/nowhere.sock' });
    } finally {
      for (const name of ['DOCKER_HOST', 'DOCKER_CERT_PATH']) {
        if (saved[name] === undefined) delete process.env[name];
        else process.env[name] = saved[name];
      }
    }
  });

  it('says so when there is no ssh program', async () => {
    const saved = process.env.PATH;
    process.env.PATH = temp('nothing');
    const { docker, close } = connectDocker(resolve('ssh://nowhere'));
    try {
      await expect(docker.ping()).rejects.toMatchObject({
        code: 'EHOSTUNREACH',
        message: expect.stringContaining('Cannot run ssh'),
      });
    } finally {
      process.env.PATH = saved;
      close();
    }
  });

  it('survives JSON', () => {
    for (const url of ['unix:///x', 'tcp://box', 'ssh://me@box/sock']) {
      const endpoint = resolve(url);
      expect(JSON.parse(JSON.stringify(endpoint))).toEqual(endpoint);
    }
  });
});
