import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectDocker, type DockerConnection } from '../../src/backends/docker/connect.js';
import { resolveEndpoint } from '../../src/backends/docker/endpoint.js';
import type { EngineOptions } from '../../src/backends/docker/options.js';
import { hasSshd, startSshd, type TestSshd } from '../helpers/sshd.js';
import { startTlsProxy, type TlsProxy } from '../helpers/tls-proxy.js';

const SOCKET = resolveEndpoint(undefined, { HOME: os.homedir() }).options.socketPath!;

const open: DockerConnection[] = [];
function connect(input: string | EngineOptions | undefined, env: Record<string, string> = {}): Docker {
  // Through JSON, as the watchdog gets it.
  const connection = connectDocker(JSON.parse(JSON.stringify(resolveEndpoint(input, env))));
  open.push(connection);
  return connection.docker;
}
afterEach(() => {
  for (const connection of open.splice(0)) connection.close();
});

/** Sends `text` through a container's stdin and returns what `cat` makes of it, once stdin has ended. */
async function echo(docker: Docker, text: string): Promise<string> {
  const image = (await docker.listImages())
    .flatMap(({ RepoTags }) => RepoTags ?? [])
    .find((tag) => tag.startsWith('ripcord/'));
  expect(image, 'an image of ours is needed: npm run setup').toBeDefined();
  const container = await docker.createContainer({
    Image: image,
    Entrypoint: ['cat'],
    Cmd: [],
    OpenStdin: true,
    StdinOnce: true,
    NetworkDisabled: true,
    HostConfig: { AutoRemove: true },
    Labels: { 'ripcord.test': 'endpoint' },
  });
  try {
    const options = { stream: true, stdin: true, stdout: true, hijack: true };
    const stream = (await container.attach(options)) as Duplex;
    await container.start();
    // It may be gone before it is asked about.
    const gone = container.wait({ condition: 'removed' }).catch((error: { statusCode?: number }) => {
      if (error.statusCode !== 404) throw error;
    });
    stream.end(text);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    await gone;
    return unframed(Buffer.concat(chunks));
  } finally {
    await container.remove({ force: true }).catch(() => {});
  }
}

/** Without the engine's own 8 bytes in front of each piece. */
function unframed(data: Buffer): string {
  let text = '';
  for (let offset = 0; offset < data.byteLength; ) {
    const length = data.readUInt32BE(offset + 4);
    text += data.toString('utf8', offset + 8, offset + 8 + length);
    offset += 8 + length;
  }
  return text;
}

const LONG = `begin ${'0123456789'.repeat(20_000)} end`;

describe('an engine behind its unix socket', () => {
  it('is found by itself', async () => {
    expect(String(await connect(undefined, { HOME: os.homedir() }).ping())).toBe('OK');
  });

  it('is reached by an explicit socket although DOCKER_HOST of this process names another engine', async () => {
    const saved = process.env.DOCKER_HOST;
    process.env.DOCKER_HOST = 'tcp://127.0.0.1:1';
    try {
      expect(String(await connect({ socketPath: SOCKET }).ping())).toBe('OK');
      expect(process.env.DOCKER_HOST).toBe('tcp://127.0.0.1:1');
    } finally {
      if (saved === undefined) delete process.env.DOCKER_HOST;
      else process.env.DOCKER_HOST = saved;
    }
  });

  it('carries stdin and stdout of an attached container', async () => {
    expect(await echo(connect(`unix://${SOCKET}`), LONG)).toBe(LONG);
  });
});

describe('an engine behind TLS with client certificates', () => {
  let proxy: TlsProxy;
  beforeAll(async () => {
    proxy = await startTlsProxy(SOCKET);
  });
  afterAll(() => proxy.stop());

  const environment = () => ({
    DOCKER_HOST: `tcp://127.0.0.1:${proxy.port}`,
    DOCKER_TLS_VERIFY: '1',
    DOCKER_CERT_PATH: proxy.certPath,
  });

  it('is reached through DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH', async () => {
    expect(String(await connect(undefined, environment()).ping())).toBe('OK');
  });

  it('carries stdin and stdout of an attached container', async () => {
    expect(await echo(connect(undefined, environment()), LONG)).toBe(LONG);
  });

  it('is reached through a context', async () => {
    const config = mkdtempSync(path.join(os.tmpdir(), 'ripcord-test-context-'));
    try {
      const id = createHash('sha256').update('remote').digest('hex');
      const meta = path.join(config, 'contexts/meta', id);
      const certificates = path.join(config, 'contexts/tls', id, 'docker');
      mkdirSync(meta, { recursive: true });
      mkdirSync(certificates, { recursive: true });
      const Host = `tcp://127.0.0.1:${proxy.port}`;
      writeFileSync(path.join(meta, 'meta.json'), JSON.stringify({ Name: 'remote', Endpoints: { docker: { Host } } }));
      for (const [name, value] of Object.entries(resolveEndpoint(undefined, environment()).options)) {
        if (['ca', 'cert', 'key'].includes(name))
          writeFileSync(path.join(certificates, `${name}.pem`), value as string);
      }
      expect(String(await connect({ context: 'remote' }, { DOCKER_CONFIG: config }).ping())).toBe('OK');
    } finally {
      rmSync(config, { recursive: true });
    }
  });

  it('refuses a client without a certificate', async () => {
    const { ca } = resolveEndpoint(undefined, environment()).options;
    const docker = connect({ host: '127.0.0.1', port: proxy.port, protocol: 'https', ca });
    await expect(docker.ping()).rejects.toThrow();
  });

  it('is refused when its certificate is not from the given CA', async () => {
    await expect(connect({ host: `https://127.0.0.1:${proxy.port}` }).ping()).rejects.toThrow(/self.signed|unable to/i);
  });
});

describe.skipIf(!hasSshd)('an engine behind ssh', () => {
  let sshd: TestSshd;
  const savedPath = process.env.PATH;
  beforeAll(async () => {
    sshd = await startSshd();
    process.env.PATH = `${sshd.binDirectory}:${savedPath}`;
  });
  afterAll(async () => {
    process.env.PATH = savedPath;
    await sshd.stop();
  });

  it("is reached by an alias of the user's ssh configuration", async () => {
    expect(String(await connect(undefined, { DOCKER_HOST: sshd.url }).ping())).toBe('OK');
  });

  it('is reached at another socket of that machine', async () => {
    expect(String(await connect(`${sshd.url}${SOCKET}`).ping())).toBe('OK');
  });

  it('carries stdin and stdout of an attached container, half-closed', async () => {
    expect(await echo(connect(sshd.url), LONG)).toBe(LONG);
  });

  it('uses one ssh for calls in a row', async () => {
    const connection = connectDocker(resolveEndpoint(sshd.url, {}));
    try {
      for (let i = 0; i < 5; i++) await connection.docker.ping();
      expect(sshProcesses()).toBe(1);
    } finally {
      connection.close();
    }
    await noSshLeft();
  });

  it('leaves no ssh behind when it is closed in the middle of a call', async () => {
    const connection = connectDocker(resolveEndpoint(sshd.url, {}));
    const events = await connection.docker.getEvents();
    const ended = new Promise((resolve) => events.once('close', resolve));
    events.on('error', () => {});
    events.resume();
    connection.close();
    await ended;
    await noSshLeft();
  });

  it('says what ssh said when the host key is not the known one', async () => {
    writeFileSync(sshd.knownHosts, '');
    const docker = connect(sshd.url);
    await expect(docker.ping()).rejects.toMatchObject({
      code: 'EHOSTUNREACH',
      message: expect.stringContaining('Host key verification failed'),
    });
  });
});

/** How many ssh processes this process has. */
function sshProcesses(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
  return children.filter((pid) => pid && nameOf(pid) === 'ssh').length;
}

function nameOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

async function noSshLeft(): Promise<void> {
  await expect.poll(sshProcesses, { timeout: 5000 }).toBe(0);
}
