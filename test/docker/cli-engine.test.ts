import { describe, expect, it } from 'vitest';
import { ripcord, start } from './cli-process.js';

interface Listed {
  id: string;
  state: string;
  ownerState: string;
  owner?: { pid: number };
}

const list = async (): Promise<Listed[]> => JSON.parse((await ripcord(['ps', '--json'])).stdout);

describe('ripcord ps and rm', () => {
  it('lists a sandbox with its living owner, keeps it, and removes it by force', async () => {
    using running = start(['run', '-c', 'import time; print("ready", flush=True); time.sleep(600)']);
    await running.waitFor(/ready/);
    const { pid } = running.child;
    const mine = (await list()).filter(({ owner }) => owner?.pid === pid);
    expect(mine).toMatchObject([{ state: 'running', ownerState: 'alive' }]);
    const { id } = mine[0]!;
    expect((await ripcord(['ps'])).stdout).toMatch(new RegExp(`${id} +python +running .* pid ${pid} on .* alive`));

    const kept = await ripcord(['rm', id.slice(0, 8)]);
    expect(kept.code).toBe(1);
    expect(kept.stderr).toMatch(/is kept: its owner, pid \d+, is alive; --force/);

    const removed = await ripcord(['rm', '--force', id, '--json']);
    expect(JSON.parse(removed.stdout)).toEqual({ removed: [id], kept: [], errors: [] });
    expect(removed.code).toBe(0);

    const lost = await running.ended;
    expect(lost.code).toBe(125);
    expect(lost.stderr).toMatch(/The sandbox is gone: it was killed or removed from outside/);
    expect((await list()).some((sandbox) => sandbox.id === id)).toBe(false);
  });

  it('names what it cannot find', async () => {
    const { code, stderr } = await ripcord(['rm', 'nosuchsandbox']);
    expect(stderr).toMatch(/nosuchsandbox: there is no such sandbox/);
    expect(code).toBe(1);
  });
});

describe('ripcord sweep', () => {
  it('names what it keeps and its owner, in text and in JSON', async () => {
    using running = start(['run', '-c', 'import time; print("ready", flush=True); time.sleep(600)']);
    await running.waitFor(/ready/);
    const { pid } = running.child;
    const { stdout } = await ripcord(['sweep']);
    expect(stdout).toMatch(new RegExp(`^kept container ripcord-\\w+: its owner, pid ${pid} on .*, is alive$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^kept directory /.+: its owner, pid ${pid} on .*, is alive$`, 'm'));
    const { kept, keptItems } = JSON.parse((await ripcord(['sweep', '--json'])).stdout);
    expect(keptItems).toHaveLength(kept);
    const mine = keptItems.filter(({ owner }: { owner?: { pid: number } }) => owner?.pid === pid);
    expect(mine.map(({ kind }: { kind: string }) => kind)).toEqual(expect.arrayContaining(['container', 'directory']));
    expect(mine[0]).toMatchObject({ ownerState: 'alive' });
  });

  it('reports as one document', async () => {
    const { stdout, code } = await ripcord(['sweep', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      removed: { containers: expect.any(Array), volumes: expect.any(Array), directories: expect.any(Array) },
      kept: expect.any(Number),
      errors: [],
    });
    expect(code).toBe(0);
  });
});

describe('ripcord images', () => {
  it('lists the four images and what is inside', async () => {
    const { stdout } = await ripcord(['images', 'list', '--json']);
    const images = JSON.parse(stdout) as { name: string; state: string; manifest?: { contents: object } }[];
    expect(images.map(({ name }) => name).sort()).toEqual(['agent', 'base', 'node', 'python', 'shell']);
    expect(images.find(({ name }) => name === 'python')?.manifest?.contents).toHaveProperty('python');
  });

  it('has nothing to build where all is up to date', async () => {
    const { stdout, code } = await ripcord(['images', 'build', 'python', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ built: [] });
    expect(code).toBe(0);
  });

  it('names the images there are', async () => {
    const { stderr, code } = await ripcord(['images', 'build', 'pyhton']);
    expect(stderr).toMatch(/no image called 'pyhton'[\s\S]*base, python, node, shell/);
    expect(code).toBe(125);
  });
});

describe('ripcord setup', () => {
  it('checks the engine, has the image built, and tries a sandbox of it', async () => {
    const { stdout, code } = await ripcord(['setup', 'shell']);
    expect(stdout).toMatch(/^ {2}ok {4}.*, API \d/m);
    expect(stdout).toMatch(/^ {2}ok {4}image shell$/m);
    expect(stdout).toMatch(/^ {2}ok {4}a sandbox of it: \d+ checks passed$/m);
    expect(stdout).toMatch(/^Ready\. Try: ripcord run --image shell/m);
    expect(code).toBe(0);
  });

  it('reports as one document', async () => {
    const { stdout, code } = await ripcord(['setup', 'shell', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({
      ready: true,
      images: ['shell'],
      built: [],
      findings: expect.any(Array),
    });
    expect(code).toBe(0);
  });

  it('stops at an engine that is not there, and says what to do', async () => {
    const { stdout, code } = await ripcord(['setup', '--docker', 'unix:///no/engine.sock']);
    expect(stdout).toMatch(/FAIL .*no\/engine.sock[\s\S]*DOCKER_HOST/);
    expect(stdout).not.toMatch(/image|Ready/);
    expect(code).toBe(1);
  });

  it('names the images there are', async () => {
    const { stderr, code } = await ripcord(['setup', 'pyhton']);
    expect(stderr).toMatch(/no image called 'pyhton'[\s\S]*base, python, node, shell/);
    expect(code).toBe(125);
  });
});

describe('ripcord doctor', () => {
  it('finds, from inside a sandbox, everything in force that is promised', async () => {
    const { stdout, code } = await ripcord(['doctor', '--json']);
    const report = JSON.parse(stdout) as { findings: { id: string; status: string; message: string }[] };
    const status = Object.fromEntries(report.findings.map((finding) => [finding.id, finding.status]));
    for (const id of [
      'pid1', 'user', 'capabilities', 'no-new-privileges', 'seccomp', 'system-calls', 'network', 'rootfs', 'memory', 'pids', 'kill', 'teardown',
    ]) {
      expect([id, status[`probe.${id}`]]).toEqual([id, 'ok']);
    } // biome-ignore format: a list
    expect(code).toBe(report.findings.some((finding) => finding.status === 'fail') ? 1 : 0);
  });

  it('fails, and says what to do, without an engine', async () => {
    const { stdout, code } = await ripcord(['doctor', '--docker', 'unix:///no/engine.sock']);
    expect(stdout).toMatch(/FAIL .*no\/engine.sock/);
    expect(stdout).toMatch(/1 failure/);
    expect(code).toBe(1);
  });

  it('fails for an image that is not there', async () => {
    const { stdout, code } = await ripcord(['doctor', '--image', 'no-such-image', '--json']);
    const report = JSON.parse(stdout) as { status: string; findings: { id: string; status: string; fix?: string }[] };
    expect(report.findings.find(({ id }) => id === 'probe.sandbox')).toMatchObject({
      status: 'fail',
      fix: expect.stringContaining('no-such-image'),
    });
    expect(code).toBe(1);
  });
});

describe('the command line', () => {
  it('prints an overview when called alone', async () => {
    const { stdout, code } = await ripcord([]);
    expect(code).toBe(0);
    for (const word of ['run', 'shell', 'doctor', 'Examples:', '124 timed out']) expect(stdout).toContain(word);
  });

  it.each([
    'run',
    'shell',
    'ps',
    'rm',
    'sweep',
    'images',
    'images list',
    'images build',
    'setup',
    'doctor',
    'humaneval',
  ])('explains %s with examples', async (command) => {
    const { stdout, code } = await ripcord([...command.split(' '), '--help']);
    expect(code).toBe(0);
    expect(stdout.match(/^ {2}.*ripcord /gm)?.length).toBeGreaterThanOrEqual(2);
  });

  it('suggests the command that was meant', async () => {
    const { stderr, code } = await ripcord(['docter']);
    expect(stderr).toMatch(/unknown command 'docter'[\s\S]*Did you mean doctor/);
    expect(code).toBe(125);
  });
});
