/** Images that are none of ours: any the engine has will do, an empty one included. */
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchProgram } from '../fixtures/scratch-program.js';
import { engine, isThere } from '../helpers/audit.js';
import { rejection, useManager } from '../helpers/sandbox.js';

const under = useManager();
const repository = `ripcord-test/user-${process.pid}`;
const tags = { scratch: `${repository}:scratch`, odd: `${repository}:odd`, traps: `${repository}:traps` };
let scratchId: string;

interface Inspected {
  Id: string;
}

/** An image with one program in it and nothing else: no shell, no users, no /tmp. */
async function importScratch(): Promise<void> {
  const archive = pack();
  archive.entry({ name: 'program', mode: 0o755 }, scratchProgram());
  archive.finalize();
  const path = `/images/create?fromSrc=-&repo=${repository}&tag=scratch`;
  expect((await engine('POST', path, await buffer(archive))).status).toBe(200);
  scratchId = (await engine<Inspected>('GET', `/images/${tags.scratch}/json`)).body.Id;
}

/** An image made from ours with another configuration, as users' images have. */
async function commit(tag: string, config: object, setup = 'true'): Promise<void> {
  const { body } = await engine<Inspected>('POST', '/containers/create', {
    Image: 'ripcord/shell:latest',
    Entrypoint: ['sh', '-c', setup],
    HostConfig: { NetworkMode: 'none' },
  });
  try {
    await engine('POST', `/containers/${body.Id}/start`);
    const waited = await engine<{ StatusCode: number }>('POST', `/containers/${body.Id}/wait`);
    expect(waited.body.StatusCode).toBe(0);
    const made = await engine('POST', `/commit?container=${body.Id}&repo=${repository}&tag=${tag}`, config);
    expect(made.status).toBe(201);
  } finally {
    await engine('DELETE', `/containers/${body.Id}?force=1&v=1`);
  }
}

beforeAll(async () => {
  await importScratch();
  await commit(
    'odd',
    {
      Env: ['PATH=/opt/odd:/usr/bin:/bin', 'FROM_IMAGE=image', 'EQUALS=a=b=c', 'HOME=/nowhere', 'EMPTY='],
      Entrypoint: ['/bin/false'],
      Cmd: ['never', 'run'],
      User: 'daemon',
      WorkingDir: '/opt/odd',
      Volumes: { '/data': {}, '/data/inner/': {}, '/opt/../srv': {}, relative: {} },
      Healthcheck: { Test: ['CMD', 'touch', '/tmp/health'], Interval: 1_000_000_000 },
      StopSignal: 'SIGKILL',
    },
    'mkdir -p /opt/odd /data; printf "#!/bin/sh\\necho odd tool\\n" > /opt/odd/tool; chmod 755 /opt/odd/tool; echo in image > /data/file',
  );
  await commit(
    'traps',
    { Volumes: { '/workspace': {}, '/tmp': {}, '/.ripcord': {} }, Env: ['LD_PRELOAD=/evil.so', 'PATH=/evil'] },
    'mkdir -p /workspace /evil /.ripcord; echo forged > /workspace/forged; mkdir -p /home/sandbox; chmod 500 /workspace; chmod 555 /home/sandbox; chmod 755 /tmp; echo "#!/bin/false" > /.ripcord/agent; chmod 755 /.ripcord/agent; rm -f /etc/passwd /etc/group',
  );
});
afterAll(async () => {
  for (const tag of Object.values(tags)) await engine('DELETE', `/images/${tag}?force=1`);
});

// The program is written in machine code of this processor.
describe.skipIf(process.arch !== 'x64')('an image with one static program and nothing else', () => {
  it.each(['tag', 'id'])('runs it, by %s', async (by) => {
    await using sandbox = await under.manager.create({ image: by === 'id' ? scratchId : tags.scratch });
    const result = await sandbox.exec(['/program']);
    expect(result).toMatchObject({ outcome: 'exited', exitCode: 7, stdout: 'scratch\n', stderr: '' });
  });

  it('has files like any other, although it has no tools', async () => {
    await using sandbox = await under.manager.create({ image: tags.scratch });
    await sandbox.files.write('a/b/c.txt', 'content');
    expect(await sandbox.files.readText('a/b/c.txt')).toBe('content');
    expect((await sandbox.files.list('.', { depth: 9 })).map(({ path }) => path)).toContain('a/b/c.txt');
    await sandbox.files.rename('a/b/c.txt', 'd.txt');
    await sandbox.files.remove('a', { recursive: true });
    expect(await sandbox.files.exists('a')).toBe(false);
    expect((await sandbox.diff()).map(({ path, change }) => `${change} ${path}`)).toEqual(['added d.txt']);
    expect(await sandbox.files.stat('d.txt')).toMatchObject({ uid: 1000, gid: 1000 });
  });

  it('says what it has not: a shell, a user by name', async () => {
    await using sandbox = await under.manager.create({ image: tags.scratch });
    expect(await sandbox.exec('echo hi')).toMatchObject({
      outcome: 'spawn-failed',
      failure: { errno: 'ENOENT', stage: 'exec', message: expect.stringContaining('/bin/sh') },
    });
    expect(await sandbox.exec(['/program'], { user: 'nobody' })).toMatchObject({ failure: { stage: 'user' } });
    expect(await sandbox.exec(['/program'], { user: '77:88' })).toMatchObject({ exitCode: 7 });
  });
});

describe('an image with a configuration of its own', () => {
  it('gives its environment to commands, under that of the sandbox and the command', async () => {
    await using sandbox = await under.manager.create({ image: tags.odd, env: { LEVEL: 'sandbox' } });
    const line = 'echo $FROM_IMAGE,$EQUALS,"$(printenv EMPTY && echo set)",$LEVEL,$HOME; tool';
    expect((await sandbox.exec(line)).stdout).toBe('image,a=b=c,\nset,sandbox,/home/sandbox\nodd tool\n');
    await using named = await under.manager.create({ image: tags.odd, user: 'daemon' });
    expect((await named.exec('stat -c %a ~ . /tmp; echo > ~/x && mktemp -u -p ~')).stdout).toMatch(
      /^1777\n1777\n1777\n\/home\/sandbox\/tmp\.\w+\n$/,
    );
    await using over = await under.manager.create({ image: tags.odd, env: { FROM_IMAGE: 'sandbox' } });
    expect((await over.exec('echo $FROM_IMAGE')).stdout).toBe('sandbox\n');
    expect((await over.exec('echo $FROM_IMAGE', { env: { FROM_IMAGE: 'exec' } })).stdout).toBe('exec\n');
    // A program of the image's own PATH, without a shell.
    expect(await over.exec(['tool'])).toMatchObject({ outcome: 'exited', stdout: 'odd tool\n' });
  });

  it('does not decide who runs, where, or what PID 1 is', async () => {
    await using sandbox = await under.manager.create({ image: tags.odd });
    expect((await sandbox.exec('id -u; pwd; cat /proc/1/comm; ls /tmp')).stdout).toBe('1000\n/workspace\nagent\n');
  });

  it('has a tmpfs where it declares a volume, limited in bytes and files, and is warned that this hides files', async () => {
    await using sandbox = await under.manager.create({ image: tags.odd, limits: { memory: '64m', files: 50 } });
    const line = `ls /data; for d in /data /data/inner /srv /relative; do
      stat -fc '%T %S %b %c' $d; stat -c '%u' $d; head -c 8M /dev/zero 2>&1 > $d/fill | grep -o 'No space'; rm $d/fill; done
      cp /bin/true /data/t && /data/t && echo runs`;
    // An eighth of the memory for the four of them.
    const volume = 'tmpfs 4096 512 512\n1000\nNo space\n';
    expect((await sandbox.exec(line)).stdout).toBe(`inner\n${volume.repeat(4)}runs\n`);
    const message = expect.stringContaining('/data, /data/inner, /relative, /srv');
    expect(sandbox.warnings).toEqual([{ code: 'volumes-hidden', message }]);
    expect(under.events).toContainEqual(
      expect.objectContaining({ type: 'sandbox.warning', sandbox: sandbox.id, code: 'volumes-hidden', message }),
    );
  });

  it('warns of nothing where no volume is declared', async () => {
    await using sandbox = await under.manager.create({ image: 'shell' });
    expect(sandbox.warnings).toEqual([]);
  });
});

describe('an image that sets traps', () => {
  it('gets neither the workspace, nor the agent, nor its file operations into its hands', async () => {
    const sandbox = await under.manager.create({ image: tags.traps });
    const mounts = (await sandbox.files.readText('/proc/mounts')).split('\n').map((line) => line.split(' '));
    expect(mounts.filter(([, at]) => at === '/workspace').at(-1)?.[2]).toBe('tmpfs');
    expect(mounts.filter(([, at]) => at === '/tmp').at(-1)?.[2]).toBe('tmpfs');
    await sandbox.files.write('file', 'content');
    expect(await sandbox.files.readText('file')).toBe('content');
    expect(await sandbox.files.exists('forged')).toBe(false);
    expect(await sandbox.exec(['/bin/id', '-u'], { env: { LD_PRELOAD: '' } })).toMatchObject({ stdout: '1000\n' });
    await sandbox.close();
  });

  it.each([undefined, '77:88'])(
    'has no say in who may write to HOME, /tmp and the workspace (user %s)',
    async (user) => {
      await using sandbox = await under.manager.create({ image: tags.traps, user });
      const line =
        "/bin/stat -c '%a %u' /workspace /home/sandbox /tmp; echo > ~/x && echo > /tmp/x && echo > x && echo wrote";
      const uid = user ? 77 : 1000;
      expect((await sandbox.exec(line, { env: { LD_PRELOAD: '' } })).stdout).toBe(
        `755 ${uid}\n700 ${uid}\n1777 0\nwrote\n`,
      );
    },
  );

  it('gets no volume of the host', async () => {
    const sandbox = await under.manager.create({ image: tags.traps });
    const { body } = await engine<{ Mounts: { Type: string; Name: string }[] }>(
      'GET',
      `/containers/ripcord-${sandbox.id}/json`,
    );
    const volumes = body.Mounts.filter(({ Type, Name }) => Type === 'volume' && !Name.startsWith('ripcord-agent'));
    expect(volumes).toEqual([]);
    await sandbox.close();
  });
});

describe('what the engine does not have', () => {
  it.each([
    ['no-such-image:1.2', 'docker pull no-such-image:1.2'],
    [`sha256:${'0'.repeat(64)}`, 'docker pull'],
  ])('as an image is named, with how to get it: %s', async (image, hint) => {
    const error = await rejection(under.manager.create({ image }));
    expect(error).toMatchObject({ name: 'RipcordError', code: 'image-not-found' });
    expect(error.message).toContain(image);
    expect(error.hint).toContain(hint);
    expect(under.manager.list()).toEqual([]);
  });

  it('as a runtime is named, with where to put it', async () => {
    const error = await rejection(under.manager.create({ runtime: 'no-such-runtime' }));
    expect(error).toMatchObject({ name: 'RipcordError', code: 'runtime-not-found' });
    expect(error.message).toContain('no-such-runtime');
    expect(error.hint).toContain('daemon.json');
  });

  it.each(['Not A Reference!', '../containers/x', 'a/../../info', 'python?x=1', '', '-x'])(
    'is not asked for what cannot be an image: %j',
    async (image) => {
      const error = await rejection(under.manager.create({ image }));
      expect(error).toMatchObject({ code: 'invalid-options' });
      expect(error.message).toContain('image: expected the name of an image');
    },
  );
});

it('leaves no container of any of these', async () => {
  for (const event of under.events) {
    if (event.type === 'sandbox.creating') expect(await isThere(`ripcord-${event.sandbox}`)).toBe(false);
  }
});
