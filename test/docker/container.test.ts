/** The orchestrator in a container of its own, with the settings of compose.yaml, against the real engine. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Annotation } from '../../src/backends/backend.js';
import { DockerBackend } from '../../src/backends/docker/docker-backend.js';
import { ensureDebian } from '../../src/backends/docker/images/debian.js';
import { DockerImages } from '../../src/backends/docker/images/docker-images.js';
import { networkBuildArgs } from '../../src/backends/docker/images/network.js';
import { parseSize } from '../../src/base/option-fields.js';
import { parseOwner } from '../../src/base/owner.js';
import { type ContextFile, packContext, readContextFiles, toStream } from '../../src/images/context.js';
import { ENGINE_SOCKET, engine, until } from '../helpers/audit.js';
import { freePort } from '../helpers/free-port.js';

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../..');
const IMAGE = 'ripcord/server:latest';
const NAME = `ripcord-test-orchestrator-${process.pid}`;
/** Only the first build takes long: the engine has its layers then. */
const BUILD_MS = 15 * 60_000;

interface Service {
  command: string[];
  cap_drop: string[];
  group_add: string[];
  mem_limit: string;
  pids_limit: number;
  read_only: boolean;
  security_opt: string[];
  tmpfs: string[];
}

/** Returns the files that .dockerignore lets through. */
function contextFiles(): ContextFile[] {
  const rules = readFileSync(path.join(ROOT, '.dockerignore'), 'utf8').split('\n');
  const taken = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1));
  const left = rules.filter((rule) => /^\w/.test(rule));
  const files = [...taken, 'Dockerfile'].flatMap((name): ContextFile[] => {
    const full = path.join(ROOT, name);
    if (!statSync(full).isDirectory()) return [{ path: name, content: readFileSync(full), mode: 0o644 }];
    return readContextFiles(full).map((file) => ({ ...file, path: `${name}/${file.path}` }));
  });
  return files.filter((file) => !left.some((rule) => file.path.startsWith(`${rule}/`)));
}

/** Certificates this machine trusts besides Debian's: builds here may need them, too. */
function extraCertificates(): string {
  const directory = '/usr/local/share/ca-certificates';
  if (!existsSync(directory)) return '';
  return readdirSync(directory)
    .filter((name) => name.endsWith('.crt'))
    .map((name) => readFileSync(path.join(directory, name), 'utf8'))
    .join('');
}

/** The engine keeps what an image was built in; the newest is its cache, the others are of no use to anybody. */
async function forgetOldStages({ docker }: DockerBackend): Promise<void> {
  const stages = await docker.listImages({ filters: { dangling: ['true'], label: ['ripcord.image.stage=server'] } });
  const [, ...old] = stages.sort((a, b) => b.Created - a.Created);
  for (const { Id } of old) await docker.getImage(Id).remove();
}

async function buildServerImage(): Promise<void> {
  const backend = DockerBackend.open();
  try {
    const images = new DockerImages(backend.docker, backend.description);
    const context = packContext(contextFiles());
    context.finalize();
    await images.build(toStream(context), {
      tag: IMAGE,
      buildArgs: {
        BASE: await ensureDebian(images),
        NPM_REGISTRY: (await run('npm', ['config', 'get', 'registry'])).stdout.trim(),
        EXTRA_CA: extraCertificates(),
        ...networkBuildArgs(),
      },
      timeoutMs: BUILD_MS,
    });
    await forgetOldStages(backend);
  } finally {
    backend.close();
  }
}

/** The service of compose.yaml with its variables filled in as compose does. */
function serviceOf(variables: Record<string, string>): Service {
  const text = readFileSync(path.join(ROOT, 'compose.yaml'), 'utf8').replace(
    /\$\{(\w+)(?::([-?])([^}]*))?\}/g,
    (_, name: string, kind: string, rest: string) => variables[name] ?? (kind === '-' ? rest : ''),
  );
  return parse(text).services.ripcord as Service;
}

class Orchestrator {
  constructor(
    readonly id: string,
    readonly port: number,
    readonly token: string,
  ) {}

  static async start(): Promise<Orchestrator> {
    const port = await freePort();
    const variables = { RIPCORD_PORT: String(port), DOCKER_GID: String(statSync(ENGINE_SOCKET).gid) };
    const service = serviceOf(variables);
    const { body } = await engine<{ Id: string }>('POST', `/containers/create?name=${NAME}`, {
      Image: IMAGE,
      Cmd: service.command,
      HostConfig: {
        Binds: [`${ENGINE_SOCKET}:/var/run/docker.sock`],
        GroupAdd: service.group_add,
        ReadonlyRootfs: service.read_only,
        Tmpfs: Object.fromEntries(service.tmpfs.map((line) => [line.split(':')[0], line.split(':')[1]])),
        CapDrop: service.cap_drop,
        SecurityOpt: service.security_opt,
        PidsLimit: service.pids_limit,
        Memory: parseSize(service.mem_limit),
        PortBindings: { '7077/tcp': [{ HostIp: '127.0.0.1', HostPort: String(port) }] },
      },
    });
    const started = await engine('POST', `/containers/${body.Id}/start`);
    if (started.status !== 204) throw new Error(JSON.stringify(started.body));
    let token: string | undefined;
    await until(
      async () => {
        const logs = await engine<string>('GET', `/containers/${body.Id}/logs?stdout=1&stderr=1`);
        token = /shown once.*: ([\w-]{43})/.exec(String(logs.body))?.[1];
        if (!(await inspect(body.Id)).State.Running) throw new Error(String(logs.body));
        return token !== undefined;
      },
      'the token in its log',
      30_000,
    );
    return new Orchestrator(body.Id, port, token!);
  }

  async api<T>(method: string, route: string, body?: object): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.port}${route}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** A sandbox with a command running in it. */
  async busySandbox(): Promise<void> {
    const { id } = await this.api<{ id: string }>('POST', '/v1/sandboxes', { image: 'base' });
    const result = await this.api('POST', `/v1/sandboxes/${id}/exec`, { command: ['echo', '42'] });
    expect(result).toMatchObject({ outcome: 'exited', stdout: '42\n' });
    await this.api('POST', `/v1/sandboxes/${id}/commands`, { command: 'setsid sleep 600 & sleep 600' });
    expect(await this.sandboxes()).toHaveLength(1);
  }

  /** Containers whose owner is a process in there: a container's host name is the beginning of its id. */
  async sandboxes(): Promise<string[]> {
    const backend = DockerBackend.open();
    try {
      const all = await backend.containers();
      return all
        .filter(({ annotations }) => parseOwner(annotations[Annotation.OWNER])?.host === this.id.slice(0, 12))
        .map(({ name }) => name);
    } finally {
      backend.close();
    }
  }

  async ended(): Promise<number> {
    await until(async () => !(await inspect(this.id)).State.Running, 'the container to end', 45_000);
    return (await inspect(this.id)).State.ExitCode;
  }
}

interface Inspected {
  State: { Running: boolean; ExitCode: number; Health?: { Status: string } };
  Config: { User: string };
}
const inspect = async (id: string): Promise<Inspected> =>
  (await engine<Inspected>('GET', `/containers/${id}/json`)).body;

beforeAll(buildServerImage, BUILD_MS);
afterEach(async () => {
  await engine('DELETE', `/containers/${NAME}?force=1&v=1`);
});

describe('the orchestrator in a container', () => {
  it('runs as compose.yaml says: not root, nothing writable, healthy; SIGTERM leaves nothing', async () => {
    const orchestrator = await Orchestrator.start();
    expect((await inspect(orchestrator.id)).Config.User).toBe('ripcord');
    await orchestrator.busySandbox();
    await expect(fetch(`http://127.0.0.1:${orchestrator.port}/v1/sandboxes`)).resolves.toMatchObject({ status: 401 });
    await until(
      async () => (await inspect(orchestrator.id)).State.Health?.Status === 'healthy',
      'its health check to pass',
      30_000,
    );
    await engine('POST', `/containers/${orchestrator.id}/stop?t=40`);
    expect(await orchestrator.ended()).toBe(143);
    expect(await orchestrator.sandboxes()).toEqual([]);
  });

  it('SIGKILL of the container leaves nothing', async () => {
    const orchestrator = await Orchestrator.start();
    await orchestrator.busySandbox();
    await engine('POST', `/containers/${orchestrator.id}/kill?signal=SIGKILL`);
    expect(await orchestrator.ended()).toBe(137);
    await until(async () => (await orchestrator.sandboxes()).length === 0, 'its sandboxes to be gone');
  });

  it('a crash of the process in it leaves nothing, and the container ends', async () => {
    const orchestrator = await Orchestrator.start();
    await orchestrator.busySandbox();
    const { body } = await engine<{ Titles: string[]; Processes: string[][] }>(
      'GET',
      `/containers/${orchestrator.id}/top`,
    );
    const column = (name: string) => body.Titles.indexOf(name);
    const main = body.Processes.filter((row) => /node .*ripcord serve/.test(row[column('CMD')]!));
    process.kill(Number(main.at(-1)![column('PID')]), 'SIGKILL');
    expect(await orchestrator.ended()).toBe(137);
    expect(await orchestrator.sandboxes()).toEqual([]);
  });
});
