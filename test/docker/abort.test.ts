/** Abort at any instant: nothing begins after it, everything is dead, nothing is left. */
import { getEventListeners } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { SandboxManager } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { containersOf, directoriesOf } from '../helpers/audit.js';
import { makeTempDir } from '../helpers/fixtures.js';
import { countProcesses, Output, rejection, untilProcesses, useManager, useSandbox } from '../helpers/sandbox.js';
import { writeTree } from '../helpers/temp.js';

const under = useManager();
const sandbox = useSandbox(under);

const reason = new Error('the user pressed stop');
const aborted = { name: 'TaskAbortedError', code: 'aborted', cause: reason };

describe('a signal that has fired before', () => {
  const signal = AbortSignal.abort(reason);

  it('opens no manager', async () => {
    await using state = await makeTempDir('aborted');
    const stateDir = `${state.path}/root`;
    expect(await rejection(SandboxManager.open({ stateDir, signal }))).toMatchObject(aborted);
    expect(existsSync(stateDir)).toBe(false);
  });

  it('creates no sandbox: no container, no directory, no event', async () => {
    await sandbox().exec('true');
    const before = await containersOf(under.manager.instance);
    const events = under.events.length;
    expect(await rejection(under.manager.create({ signal }))).toMatchObject(aborted);
    expect(await containersOf(under.manager.instance)).toEqual(before);
    expect(directoriesOf(under.stateDir, under.manager.instance)).toEqual([sandbox().id]);
    expect(under.events.slice(events).filter(({ type }) => type !== 'swept')).toEqual([]);
  });

  it('runs nothing', async () => {
    for (const call of [
      sandbox().exec('touch ran', { signal }),
      sandbox().spawn('touch ran', { signal }),
      sandbox().runCode('open("ran", "w")', { signal }),
    ].map((running) => rejection(running))) {
      const error = await call;
      expect(error).toMatchObject(aborted);
      expect(error.message).toContain('before');
    }
    expect(await sandbox().files.exists('ran')).toBe(false);
  });

  it('touches no file, inside or outside', async () => {
    await using host = await makeTempDir('aborted');
    writeTree(`${host.path}/tree`, { a: 'x' });
    const { files } = sandbox();
    await files.write('there', 'untouched');
    const before = await files.list('.', { depth: 9 });
    const calls = [
      files.write('there', 'changed', { signal }),
      files.write('new', 'x', { signal }),
      files.read('there', { signal }),
      files.readText('there', { signal }),
      files.list('.', { signal }),
      files.stat('there', { signal }),
      files.exists('there', { signal }),
      files.makeDir('dir', { signal }),
      files.remove('there', { signal }),
      files.rename('there', 'moved', { signal }),
      files.upload(`${host.path}/tree`, 'tree', { signal }),
      files.upload(`${host.path}/tree/a`, 'a', { signal }),
      files.download('.', `${host.path}/out`, { signal }),
      files.download('there', `${host.path}/out-file`, { signal }),
      files.diff({ signal }),
    ].map((call) => rejection(call));
    for (const call of calls) expect(await call).toMatchObject(aborted);
    expect(await files.list('.', { depth: 9 })).toEqual(before);
    expect(await files.readText('there')).toBe('untouched');
    expect(readdirSync(host.path)).toEqual(['tree']);
  });
});

describe('an abort while a sandbox is made', () => {
  const attempt = async (delayMs: number, options = {}) => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(reason), delayMs);
    const [result] = await Promise.allSettled([under.manager.create({ ...options, signal: abort.signal })]);
    clearTimeout(timer);
    if (result!.status === 'rejected') expect(result!.reason).toMatchObject(aborted);
    else await result!.value.close();
    return { delayMs, aborted: result!.status === 'rejected' };
  };

  it('leaves nothing, at any of many moments', async () => {
    const delays = Array.from({ length: 20 }, (_, i) => i * 20);
    const outcomes = [];
    while (delays.length > 0) {
      outcomes.push(...(await Promise.all(delays.splice(0, 4).map((delay) => attempt(delay)))));
      expect(await containersOf(under.manager.instance)).toEqual([`ripcord-${sandbox().id}`]);
      expect(directoriesOf(under.stateDir, under.manager.instance)).toEqual([sandbox().id]);
    }
    // A test of abort during create that never was during create would prove nothing.
    expect(outcomes.filter((outcome) => outcome.aborted).length).toBeGreaterThanOrEqual(5);
    expect(under.manager.list()).toEqual([sandbox()]);
  });

  it('leaves nothing of a seed that was being copied', async () => {
    await using host = await makeTempDir('seed');
    const tree: Record<string, string> = {};
    for (let i = 0; i < 3000; i++) tree[`file-${i}`] = 'content';
    const seed = writeTree(`${host.path}/seed`, tree);
    const outcomes = [];
    for (const delay of [1, 15, 60, 150, 300, 450]) {
      outcomes.push(await attempt(delay, { workspace: { mode: 'copy', seed } }));
      expect(directoriesOf(under.stateDir, under.manager.instance)).toEqual([sandbox().id]);
    }
    expect(outcomes.filter((outcome) => outcome.aborted).length).toBeGreaterThanOrEqual(2);
    expect(await containersOf(under.manager.instance)).toEqual([`ripcord-${sandbox().id}`]);
  });
});

describe('an abort while a command runs', () => {
  it('kills its tree, then rejects with the reason and what was printed so far', async () => {
    const abort = new AbortController();
    const output = new Output();
    const running = sandbox().exec('echo out; echo err >&2; sleep 340001 & sleep 340001', {
      signal: abort.signal,
      onStdout: output.take,
      onStderr: output.take,
    });
    await output.seen('out\n');
    await output.seen('err\n');
    await untilProcesses(sandbox(), '340001', 3);
    abort.abort(reason);
    const error = await rejection<Error & { partial: Record<string, unknown>; details: object }>(running);
    expect(error).toMatchObject({ ...aborted, details: { confirmed: true } });
    expect(error.message).toContain('/bin/sh');
    expect(error.partial).toMatchObject({ outcome: 'signaled', exitCode: null, stdout: 'out\n', stderr: 'err\n' });
    expect(await countProcesses(sandbox(), '340001')).toBe(0);
  });

  it('keeps what was printed although nobody listened to it', async () => {
    const abort = new AbortController();
    const running = rejection<Error & { partial: { stdout: string } }>(
      sandbox().exec('echo printed; sleep 340002', { signal: abort.signal }),
    );
    await untilProcesses(sandbox(), '340002', 2);
    abort.abort(reason);
    expect((await running).partial.stdout).toBe('printed\n');
  });

  it('changes nothing when it comes after the end', async () => {
    const abort = new AbortController();
    const result = await sandbox().exec('echo done', { signal: abort.signal });
    abort.abort(reason);
    expect(result).toMatchObject({ outcome: 'exited', stdout: 'done\n' });
  });

  it('leaves a timeout a timeout when that was first', async () => {
    const abort = new AbortController();
    const output = new Output();
    const running = sandbox().exec(`trap 'echo terminated' TERM; echo up; while :; do sleep 0.05; done`, {
      signal: abort.signal,
      timeoutMs: 1000,
      killGraceMs: 1000,
      onStdout: output.take,
    });
    // The agent has said SIGTERM: the time is over, and the command has its grace.
    await Promise.race([output.seen('terminated'), running]);
    abort.abort(reason);
    expect(await running).toMatchObject({ outcome: 'timeout' });
  });

  it('ends a command that ignores everything within its grace', async () => {
    const abort = new AbortController();
    const output = new Output();
    const running = rejection(
      sandbox().exec(`trap '' TERM INT HUP; echo up; while :; do :; done`, {
        signal: abort.signal,
        killGraceMs: 200,
        onStdout: output.take,
      }),
    );
    await output.seen('up');
    const at = performance.now();
    abort.abort(reason);
    expect(await running).toMatchObject(aborted);
    const tookMs = performance.now() - at;
    expect(tookMs).toBeGreaterThanOrEqual(190);
  });

  it('is not held up by a callback that does not return, nor by a flood', async () => {
    const abort = new AbortController();
    const running = rejection(
      sandbox().exec(['yes', '340003'], {
        signal: abort.signal,
        killGraceMs: 100,
        onStdout: () => {
          abort.abort(reason);
          return new Promise(() => {});
        },
      }),
    );
    expect(await running).toMatchObject(aborted);
    expect(await countProcesses(sandbox(), '340003')).toBe(0);
  });

  it('is not held up by an input that does not come', async () => {
    const abort = new AbortController();
    async function* never() {
      yield 'first';
      await new Promise(() => {});
    }
    const output = new Output();
    const running = rejection(sandbox().exec(['cat'], { stdin: never(), signal: abort.signal, onStdout: output.take }));
    await output.seen('first');
    abort.abort(reason);
    expect(await running).toMatchObject(aborted);
  });

  it('leaves no listener on a signal that lives long', async () => {
    const { signal } = new AbortController();
    for (let i = 0; i < 50; i++)
      await Promise.all(Array.from({ length: 4 }, () => sandbox().exec(['true'], { signal })));
    await sandbox().files.write('listener', 'x', { signal });
    await sandbox().files.read('listener', { signal });
    await sandbox().files.list('.', { signal });
    await (await sandbox().spawn(['true'], { signal })).wait();
    await (await under.manager.create({ signal })).close();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('may have one signal for any number of commands, without a warning of a leak', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error) => warnings.push(warning.name);
    process.on('warning', onWarning);
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 30 }, () => sandbox().exec(['true'], { signal })));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  it('settles 100 at once', async () => {
    const limits = { pids: 1024 };
    const sandboxes = await Promise.all([1, 2, 3, 4].map(() => under.manager.create({ limits })));
    const abort = new AbortController();
    let up = 0;
    let allUp!: () => void;
    const ready = new Promise<void>((resolve) => {
      allUp = resolve;
    });
    const running = Array.from({ length: 100 }, (_, i) =>
      rejection(
        sandboxes[i % 4]!.exec('echo up; sleep 340004 & sleep 340004', {
          signal: abort.signal,
          onStdout: () => {
            if (++up === 100) allUp();
          },
        }),
      ),
    );
    await ready;
    abort.abort(reason);
    for (const error of await Promise.all(running))
      expect(error).toMatchObject({ ...aborted, details: { confirmed: true } });
    for (const each of sandboxes) expect(await countProcesses(each, '340004')).toBe(0);
    await Promise.all(sandboxes.map((each) => each.close()));
  });
});

describe('an abort while files move', () => {
  it('stops a stream that is being written, and nothing of it is there', async () => {
    const abort = new AbortController();
    let asked = 0;
    async function* endless() {
      for (;;) {
        asked++;
        if (asked === 40) abort.abort(reason);
        yield Buffer.alloc(64 * 1024);
      }
    }
    const error = await rejection(sandbox().files.write('streamed/file', endless(), { signal: abort.signal }));
    expect(error).toMatchObject(aborted);
    // Checked before every chunk: the source is not asked for one more.
    expect(asked).toBe(40);
    expect(await sandbox().files.exists('streamed')).toBe(false);
  });

  it('stops an upload', async () => {
    await using host = await makeTempDir('upload');
    const tree: Record<string, Buffer> = {};
    for (let i = 0; i < 40; i++) tree[`file-${i}`] = Buffer.alloc(1024 * 1024);
    const from = writeTree(`${host.path}/tree`, tree);
    const abort = new AbortController();
    const uploading = rejection(sandbox().files.upload(from, 'uploaded', { signal: abort.signal }));
    // As soon as the first file is there, most of them are still to come.
    while (!(await sandbox().files.exists('uploaded/file-0'))) await sandbox().exec('true');
    abort.abort(reason);
    expect(await uploading).toMatchObject(aborted);
    const before = await sandbox().files.list('uploaded');
    await sandbox().exec('true');
    expect(await sandbox().files.list('uploaded')).toEqual(before);
    expect(before.length).toBeLessThan(40);
    await sandbox().files.remove('uploaded', { recursive: true });
  });

  it('stops a download, and no unfinished file stays', async () => {
    await using host = await makeTempDir('download');
    await sandbox().exec('mkdir big; for i in 1 2 3 4 5 6 7 8; do head -c 16M /dev/zero > big/$i; done');
    const abort = new AbortController();
    const downloading = rejection(sandbox().files.download('big', `${host.path}/big`, { signal: abort.signal }));
    while (!existsSync(`${host.path}/big`)) await new Promise((resolve) => setImmediate(resolve));
    abort.abort(reason);
    expect(await downloading).toMatchObject(aborted);
    const left = existsSync(`${host.path}/big`) ? readdirSync(`${host.path}/big`) : [];
    expect(left.filter((name) => !/^[1-8]$/.test(name))).toEqual([]);
    expect(left.length).toBeLessThan(8);
    await sandbox().files.remove('big', { recursive: true });
    expect((await sandbox().stats()).commands).toBe(0);
  });

  it('stops a long read', async () => {
    await sandbox().exec('head -c 60M /dev/zero > long');
    const abort = new AbortController();
    const reading = rejection(sandbox().files.read('long', { signal: abort.signal }));
    setImmediate(() => abort.abort(reason));
    expect(await reading).toMatchObject(aborted);
    await sandbox().files.remove('long');
    expect((await sandbox().stats()).commands).toBe(0);
  });
});

it('closes a manager whose signal fires, and everything in it', async () => {
  await using state = await makeTempDir('signal');
  const abort = new AbortController();
  const manager = await SandboxManager.open({ stateDir: `${state.path}/root`, signal: abort.signal });
  const inside = await manager.create();
  const running = rejection(inside.exec('sleep 60'));
  const making = rejection(manager.create());
  abort.abort(reason);
  const receipt = await manager.close();
  expect(receipt).toMatchObject({ left: { containers: 0, volumes: 0, directories: 0 }, errors: [] });
  expect(await running).toMatchObject({ name: 'SandboxLostError', code: 'sandbox-closed' });
  expect(await making).toMatchObject({ cause: { code: 'manager-closed' } });
  expect(await containersOf(manager.instance)).toEqual([]);
  expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
});
