/** The manager: what it knows, tells, closes and sweeps. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isClean, type Logger, type ManagerEvent, SandboxManager } from 'ripcord-sandbox';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { containersOf, directoriesOf, ENGINE_SOCKET, engine, isThere, until } from '../helpers/audit.js';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { Output, rejection, useManager } from '../helpers/sandbox.js';

const under = useManager({ defaults: { image: 'shell', env: { FROM: 'defaults' }, limits: { memory: '128m' } } });
const { events } = under;

let temp: TempDir;
beforeAll(async () => {
  temp = await makeTempDir('manager');
});
afterAll(() => temp?.remove());

const open = (name: string, options = {}) => SandboxManager.open({ stateDir: `${temp.path}/${name}`, ...options });

describe('a manager', () => {
  it('knows its engine', () => {
    expect(under.manager.engine).toMatchObject({ os: 'linux', arch: expect.stringMatching(/^(x64|arm64)$/) });
    expect(under.manager.engine.version).toMatch(/^\d+\.\d+/);
    expect(under.manager.endpoint).toContain(under.socketPath);
    expect(under.manager.instance).toMatch(/^[0-9a-f]{16}$/);
  });

  it('tells what happens, in order, as it happens', async () => {
    const from = events.length;
    const sandbox = await under.manager.create();
    await sandbox.exec('exit 3');
    await sandbox.close();
    const seen = events.slice(from).filter((event) => 'sandbox' in event && event.sandbox === sandbox.id);
    expect(seen.map(({ type }) => type)).toEqual([
      'sandbox.creating',
      'sandbox.created',
      'command.started',
      'command.ended',
      'sandbox.closed',
    ]);
    expect(seen[1]).toMatchObject({ image: 'shell', durationMs: expect.any(Number) });
    expect(seen[3]).toMatchObject({ result: { outcome: 'exited', exitCode: 3 } });
    expect(seen.map(({ at }) => at)).toEqual(seen.map(({ at }) => at).sort((a, b) => a - b));
  });

  it('tells of a sandbox that could not be made, and leaves nothing of it', async () => {
    const from = events.length;
    const error = await rejection(under.manager.create({ image: 'no-such-image:1' }));
    const seen = events.slice(from).filter(({ type }) => type.startsWith('sandbox.'));
    expect(seen.map(({ type }) => type)).toEqual(['sandbox.creating', 'sandbox.failed']);
    expect(seen[1]).toMatchObject({ error: error.message, hint: error.hint });
    expect(error.hint).toBeTruthy();
    expect(directoriesOf(under.stateDir, under.manager.instance)).toEqual([]);
    expect(await containersOf(under.manager.instance)).toEqual([]);
  });

  it('gives its defaults to every sandbox, which may have its own', async () => {
    await using plain = await under.manager.create();
    expect((await plain.exec('echo $FROM; command -v jq')).stdout).toBe('defaults\n/usr/bin/jq\n');
    expect(
      (await plain.exec('cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null'))
        .stdout,
    ).toBe(`${128 * 1024 * 1024}\n`);
    await using own = await under.manager.create({ image: 'python', env: { OTHER: 'own' } });
    expect((await own.exec('echo $OTHER; command -v python3')).stdout).toBe('own\n/usr/bin/python3\n');
  });

  it('lists what is open, and only that', async () => {
    const [a, b] = await Promise.all([under.manager.create(), under.manager.create()]);
    expect(new Set(under.manager.list())).toEqual(new Set([a, b]));
    expect(under.manager.get(a.id)).toBe(a);
    expect(under.manager.get('nonsense')).toBeUndefined();
    await a.close();
    expect(under.manager.list()).toEqual([b]);
    await b.close();
    expect(under.manager.list()).toEqual([]);
  });

  it('does not let sandboxes see each other', async () => {
    const [a, b] = await Promise.all([under.manager.create(), under.manager.create()]);
    await a.files.write('mine', 'x');
    await a.exec('echo x > /tmp/mine; echo x > /dev/shm/mine');
    await using running = await a.spawn(['sleep', '350001']);
    expect(running.pid).toBeGreaterThan(1);
    const { stdout } = await b.exec('ls /workspace /tmp /dev/shm; cat /proc/[0-9]*/cmdline | tr "\\0" " "');
    expect(stdout).not.toMatch(/mine|350001/);
    await Promise.all([a.close(), b.close()]);
  });

  it('logs to the logger it is given', async () => {
    const lines: { level: string; fields: object; message: string }[] = [];
    const level = (name: string) => (fields: object, message: string) =>
      void lines.push({ level: name, fields, message });
    const logger: Logger = { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
    const manager = await open('logged', { logger });
    const sandbox = await manager.create();
    await sandbox.close();
    await manager.close();
    const about = lines.filter(({ fields }) => (fields as { sandbox?: string }).sandbox === sandbox.id);
    expect(about.map(({ message }) => message)).toEqual(['sandbox created', 'sandbox closed']);
    expect(lines.at(-1)).toMatchObject({ level: 'info', message: 'manager closed' });
    expect(lines.filter((line) => line.level === 'error')).toEqual([]);
  });

  it('is wrong about no option', async () => {
    const cases: [object, string][] = [
      [{ dockr: 'x' }, "did you mean 'docker'?"],
      [{ defaults: { imag: 'x' } }, "did you mean 'image'?"],
      [{ defaults: { limits: { pids: 1 } } }, 'pids'],
      [{ docker: { socket: 'x' } }, 'docker'],
      [{ logger: {} }, 'expected a logger'],
      [{ docker: 'ftp://x' }, 'ftp'],
    ];
    for (const [options, message] of cases) {
      const error = await rejection(SandboxManager.open(options as never));
      expect(error.code).toMatch(/^(invalid-options|endpoint-invalid)$/);
      expect(error.message).toContain(message);
    }
  });
});

describe('close', () => {
  it('closes everything, once, however often it is called', async () => {
    const manager = await open('close');
    const seen: ManagerEvent[] = [];
    manager.on('event', (event) => seen.push(event));
    const sandboxes = await Promise.all([manager.create(), manager.create()]);
    await sandboxes[0]!.files.write('x', 'x');
    expect(await containersOf(manager.instance)).toHaveLength(2);
    expect(directoriesOf(`${temp.path}/close`, manager.instance)).toHaveLength(2);

    const [first, second] = await Promise.all([manager.close(), manager.close()]);
    expect(second).toBe(first);
    expect(await manager.close()).toBe(first);
    expect(first).toMatchObject({
      instance: manager.instance,
      sandboxes: 2,
      left: { containers: 0, volumes: 0, directories: 0 },
      errors: [],
    });
    expect(isClean(first)).toBe(true);
    expect(seen.filter(({ type }) => type === 'sandbox.closed')).toHaveLength(2);
    // The receipt is true.
    expect(await containersOf(manager.instance)).toEqual([]);
    for (const { id } of sandboxes) expect(await isThere(`ripcord-${id}`)).toBe(false);
    expect(existsSync(`${temp.path}/close`)).toBe(false);
    expect(manager.list()).toEqual([]);
    expect(await rejection(manager.create())).toMatchObject({ code: 'manager-closed' });
  });

  it('while sandboxes are made and commands run ends both, and leaves nothing', async () => {
    const manager = await open('busy');
    const sandbox = await manager.create();
    const output = new Output();
    const running = rejection(sandbox.exec('echo up; sleep 350002', { onStdout: output.take }));
    await output.seen('up\n');
    const making = [1, 2, 3].map(() => rejection(manager.create()));
    const receipt = await manager.close();
    expect(await running).toMatchObject({
      name: 'SandboxLostError',
      code: 'sandbox-closed',
      partial: { stdout: 'up\n' },
    });
    for (const error of await Promise.all(making)) {
      expect(error).toMatchObject({ cause: { code: 'manager-closed' } });
    }
    expect(isClean(receipt)).toBe(true);
    expect(await containersOf(manager.instance)).toEqual([]);
    expect(existsSync(`${temp.path}/busy`)).toBe(false);
  });

  it('is what the end of a scope does', async () => {
    let instance: string;
    {
      await using manager = await open('scope');
      await manager.create();
      ({ instance } = manager);
    }
    expect(await containersOf(instance)).toEqual([]);
    expect(existsSync(`${temp.path}/scope`)).toBe(false);
  });

  it('of one manager does not touch another, in the same state directory or not', async () => {
    const [a, b] = await Promise.all([open('shared'), open('shared')]);
    const [inA, inB] = await Promise.all([a.create(), b.create()]);
    await inB.files.write('kept', 'kept');
    expect(a.list()).toEqual([inA]);
    expect(isClean(await a.close())).toBe(true);
    expect(await inB.files.readText('kept')).toBe('kept');
    expect(await containersOf(b.instance)).toEqual([`ripcord-${inB.id}`]);
    expect(directoriesOf(`${temp.path}/shared`, b.instance)).toEqual([inB.id]);
    expect(isClean(await b.close())).toBe(true);
    expect(existsSync(`${temp.path}/shared`)).toBe(false);
  });

  it('leaves no process of ours behind', async () => {
    const pattern = ['-P', String(process.pid), '-f', 'watchdog-main'];
    const watchdogs = () => execFileSync('pgrep', pattern, { encoding: 'utf8' }).trim().split('\n');
    // Those of managers closed before may still be on their way out.
    const before = watchdogs();
    const manager = await open('watchdog');
    const own = watchdogs().filter((pid) => !before.includes(pid));
    expect(own).toHaveLength(1);
    await manager.close();
    await until(() => !watchdogs().includes(own[0]!), 'the end of its watchdog');
    // That of the manager which is still open.
    expect(watchdogs().filter((pid) => before.includes(pid)).length).toBeGreaterThan(0);
  });
});

describe('sweep', () => {
  /** Who this process is, in the words of the label, and the same of a process that has ended. */
  const owners = () => {
    const alive = readFileSync(`${under.stateDir}/${under.manager.instance}/owner`, 'utf8');
    const [host, boot, namespace, , started] = alive.split('|');
    const pid = execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }).trim();
    return {
      alive,
      dead: [host, boot, namespace, pid, started].join('|'),
      reused: [host, boot, namespace, process.pid, '1'].join('|'),
      rebooted: [host, '00000000-0000-4000-8000-000000000000', namespace, process.pid, started].join('|'),
      elsewhere: ['another-host', boot, namespace, pid, started].join('|'),
    };
  };
  const fabricate = async (name: string, owner: string) => {
    const { status } = await engine('POST', `/containers/create?name=${name}`, {
      Image: 'ripcord/shell:latest',
      Entrypoint: ['sleep', '60'],
      Labels: {
        'ripcord.instance': 'f'.repeat(16),
        'ripcord.sandbox': name,
        'ripcord.owner': owner,
        'ripcord.created': new Date().toISOString(),
      },
    });
    expect(status).toBe(201);
  };

  it('removes what dead owners left, and nothing of a live one or of one it cannot know', async () => {
    const sandbox = await under.manager.create();
    const { alive, dead, reused, rebooted, elsewhere } = owners();
    const tag = `ripcord-test-${process.pid}`;
    const root = `${temp.path}/sweep`;
    const made = { alive, dead, reused, rebooted, elsewhere };
    try {
      for (const [name, owner] of Object.entries(made)) await fabricate(`${tag}-${name}`, owner);
      await engine('POST', `/containers/${tag}-dead/start`);
      for (const [letter, owner] of [
        ['a', alive],
        ['d', dead],
        ['e', elsewhere],
      ]) {
        mkdirSync(`${root}/${letter!.repeat(16)}/some-sandbox`, { recursive: true });
        writeFileSync(`${root}/${letter!.repeat(16)}/owner`, owner!);
      }
      mkdirSync(`${root}/not-ours`);
      const report = await SandboxManager.sweep({ stateDir: root });
      expect(report.errors).toEqual([]);
      // A manager of another test file sweeps when it opens, and may have been first.
      const removed = report.removed.containers.filter((name) => name.startsWith(tag));
      expect([`${tag}-dead`, `${tag}-reused`, `${tag}-rebooted`]).toEqual(expect.arrayContaining(removed));
      expect(report.removed.directories).toEqual([`${root}/${'d'.repeat(16)}`]);
      expect(report.kept).toBeGreaterThanOrEqual(5);
      const left = await Promise.all(Object.keys(made).map((name) => isThere(`${tag}-${name}`)));
      expect(Object.fromEntries(Object.keys(made).map((name, i) => [name, left[i]]))).toEqual({
        alive: true,
        dead: false,
        reused: false,
        rebooted: false,
        elsewhere: true,
      });
      for (const name of ['a'.repeat(16), 'e'.repeat(16), 'not-ours']) expect(existsSync(`${root}/${name}`)).toBe(true);
      expect(await sandbox.exec('echo alive')).toMatchObject({ stdout: 'alive\n' });
    } finally {
      for (const name of Object.keys(made)) await engine('DELETE', `/containers/${tag}-${name}?force=1`);
      await sandbox.close();
    }
  });

  it('runs in the background of a manager that opens, and is told of', async () => {
    const root = `${temp.path}/background`;
    mkdirSync(`${root}/${'d'.repeat(16)}/x`, { recursive: true });
    writeFileSync(`${root}/${'d'.repeat(16)}/owner`, owners().dead);
    const manager = await open('background');
    const [swept] = (await once(manager, 'event')) as [ManagerEvent];
    expect(swept).toMatchObject({
      type: 'swept',
      report: { removed: { directories: [`${root}/${'d'.repeat(16)}`] }, errors: [] },
    });
    await manager.close();
    // The root itself was here before.
    expect(readdirSync(root)).toEqual([]);
  });

  it('is refused options it does not have', async () => {
    const error = await rejection(SandboxManager.sweep({ handleSignals: true } as never));
    expect(error).toMatchObject({ code: 'invalid-options' });
    expect(error.message).toContain('handleSignals');
  });
});

describe('an engine that is not there', () => {
  it('is named with its address and what to do', async () => {
    const error = await rejection(open('none', { docker: 'unix:///nonexistent.sock' }));
    expect(error).toMatchObject({ name: 'RipcordError', code: 'engine-unreachable' });
    expect(error.message).toContain('/nonexistent.sock');
    expect(error.hint).toMatch(/Is Docker running\?[\s\S]*DOCKER_HOST/);
    expect(existsSync(`${temp.path}/none`)).toBe(false);
  });

  it('is named when it has ended and left its socket', async () => {
    const socket = `${temp.path}/stale.sock`;
    const listener = spawn(process.execPath, [
      '-e',
      `require('node:net').createServer().listen(${JSON.stringify(socket)}, () => console.log('up'))`,
    ]);
    await once(listener.stdout!, 'data');
    listener.kill('SIGKILL');
    await once(listener, 'exit');
    expect(existsSync(socket)).toBe(true);
    const error = await rejection(open('stale', { docker: `unix://${socket}` }));
    expect(error).toMatchObject({ code: 'engine-unreachable' });
    expect(error.message).toContain('ECONNREFUSED');
    expect(error.hint).toContain('Is Docker running?');
  });

  it('is named when something else answers at its address', async () => {
    const { createServer } = await import('node:http');
    const server = createServer((_request, response) => response.writeHead(404).end('not an engine'));
    const socket = `${temp.path}/other.sock`;
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const error = await rejection(open('other', { docker: `unix://${socket}` }));
    expect(error).toMatchObject({ name: 'RipcordError', code: expect.stringMatching(/^engine-/) });
    server.close();
  });

  // Only root can become another user.
  it.skipIf(process.getuid?.() !== 0)('is named when this user may not use it', async () => {
    const program = `import { SandboxManager } from 'ripcord-sandbox';
      const docker = process.argv[1];
      // The user changes only here, because it may not be allowed to read the checkout.
      process.setgroups([]);
      process.setgid(65534);
      process.setuid(65534);
      await SandboxManager.open({ docker }).catch(({ code, hint, message }) =>
        console.log(JSON.stringify({ code, hint, message })));`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', program, `unix://${ENGINE_SOCKET}`], {
      cwd: process.cwd(),
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    });
    expect(JSON.parse(output)).toMatchObject({
      code: 'engine-permission',
      hint: expect.stringContaining('usermod -aG docker'),
      message: expect.stringContaining(ENGINE_SOCKET),
    });
  });
});

it('closes its sandboxes when its process is interrupted', async () => {
  const program = `import { SandboxManager } from 'ripcord-sandbox';
    const manager = await SandboxManager.open({ stateDir: process.argv[1] });
    const sandbox = await manager.create({ image: 'shell' });
    console.log(manager.instance);
    await sandbox.exec('sleep 60').catch(() => {});`;
  const root = `${temp.path}/interrupted`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, root], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  expect(await containersOf(line.trim())).toHaveLength(1);
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([null, 'SIGINT']);
  expect(await containersOf(line.trim())).toEqual([]);
  expect(existsSync(root)).toBe(false);
});
