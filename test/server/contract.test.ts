/** One contract, two ways to a sandbox: in this process, and through a server by its client. */
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { buffer, text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import {
  type AnySandbox,
  type CreateOptions,
  FileError,
  InvalidOptionsError,
  SandboxLostError,
  TaskAbortedError,
} from 'ripcord-sandbox';
import { RipcordClient } from 'ripcord-sandbox/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTempDir, type TempDir } from '../helpers/fixtures.js';
import { countProcesses, Output, rejection, useManager } from '../helpers/sandbox.js';
import { TOKEN, useServer } from '../helpers/server.js';

const under = useManager();
const served = useServer(under);
let client: RipcordClient;
let temp: TempDir;
beforeAll(async () => {
  client = await RipcordClient.connect({ url: served.url, token: TOKEN });
  temp = await makeTempDir('contract');
});
afterAll(async () => {
  await client?.close();
  await temp?.remove();
});

const ways: [string, (options: CreateOptions & { workspace?: never }) => Promise<AnySandbox>][] = [
  ['in this process', (options) => under.manager.create(options)],
  ['behind a server', (options) => client.create(options as never)],
];

describe.each(ways)('a sandbox %s', (way, create) => {
  let sandbox: AnySandbox;
  beforeAll(async () => {
    sandbox = await create({ image: 'python', env: { LEVEL: 'sandbox' }, cwd: '/workspace' });
  });
  afterAll(() => sandbox?.close());

  it('runs commands to their end', async () => {
    const result = await sandbox.exec(['sh', '-c', 'echo $LEVEL $OWN; cat; echo no >&2; exit 3'], {
      env: { OWN: 'command' },
      stdin: 'input',
    });
    expect(result).toMatchObject({
      outcome: 'exited',
      exitCode: 3,
      signal: null,
      stdout: 'sandbox command\ninput',
      stderr: 'no\n',
      stdoutBytes: 21,
      truncated: false,
      oomKilled: false,
    });
    expect(result).not.toHaveProperty('encoding');
    expect(await sandbox.exec('sleep 60', { timeoutMs: 100 })).toMatchObject({ outcome: 'timeout', exitCode: null });
    expect(await sandbox.exec(['/nope'])).toMatchObject({ outcome: 'spawn-failed', failure: { errno: 'ENOENT' } });
    expect((await sandbox.exec('seq 100000', { maxOutputBytes: 1000 })).stdout).toMatch(/bytes left out/);
  });

  it('keeps every byte with encoding buffer', async () => {
    const line = "printf '\\377\\000x'; printf '\\376' >&2";
    const { stdout, stderr } = await sandbox.exec(line, { encoding: 'buffer' });
    expect([...stdout, ...stderr]).toEqual([0xff, 0, 0x78, 0xfe]);
    const chunks: Uint8Array[] = [];
    const streamed = await sandbox.exec(line, { encoding: 'buffer', onStdout: (chunk) => chunks.push(chunk) });
    expect(Buffer.concat(chunks)).toEqual(Buffer.from([0xff, 0, 0x78]));
    expect([...streamed.stdout]).toEqual([0xff, 0, 0x78]);
  });

  it('hands output on as it comes, in order, at the pace of a slow callback', async () => {
    let seen = '';
    let waiting = 0;
    const { stdoutBytes } = await sandbox.exec(['seq', '1', '300000'], {
      onStdout: async (chunk) => {
        expect(++waiting).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        seen += chunk;
        waiting--;
      },
    });
    expect(seen.length).toBe(stdoutBytes);
    expect(seen.startsWith('1\n2\n3\n') && seen.endsWith('299999\n300000\n')).toBe(true);
    const split = await sandbox.exec("printf '\\342\\202'; sleep 0.1; printf '\\254'", {
      onStdout: (chunk) => (seen = chunk),
    });
    expect([split.stdout, seen]).toEqual(['€', '€']);
    const own = new Error('the callback failed');
    const fail = () => {
      throw own;
    };
    expect(await rejection(sandbox.exec('echo x; sleep 60', { onStdout: fail }))).toBe(own);
  });

  it('feeds a command from an iterable', async () => {
    async function* chunks() {
      for (let i = 0; i < 20; i++) yield Buffer.alloc(200_000, 97 + i);
    }
    expect((await sandbox.exec(['wc', '-c'], { stdin: chunks() })).stdout.trim()).toBe('4000000');
    expect((await sandbox.exec(['wc', '-c'], { stdin: 'x'.repeat(900_000) })).stdout.trim()).toBe('900000');
  });

  it('runs code', async () => {
    const result = await sandbox.runCode('import sys; print(sys.argv[1:], sys.stdin.read())', {
      args: ['a', 'b c'],
      stdin: 'in',
    });
    expect(result.stdout).toBe("['a', 'b c'] in\n");
    let heard = '';
    await sandbox.runCode('print("live")', { onStdout: (chunk) => (heard += chunk) });
    expect(heard).toBe('live\n');
  });

  it('aborting kills the tree and says so, with what was known by then', async () => {
    for (const onStdout of [undefined, () => {}]) {
      const controller = new AbortController();
      const reason = new Error('enough');
      const marker = onStdout ? '600111' : '600222';
      const running = sandbox.exec(`echo before; sleep ${marker} & setsid sleep ${marker}`, {
        signal: controller.signal,
        killGraceMs: 50,
        ...(onStdout && { onStdout }),
      });
      running.catch(() => {});
      await expect.poll(() => countProcesses(sandbox as never, marker)).toBeGreaterThan(1);
      controller.abort(reason);
      const error = (await rejection(running)) as TaskAbortedError<{ stdout: string; signal: string }>;
      expect(error).toBeInstanceOf(TaskAbortedError);
      expect(error.cause).toBe(reason);
      expect(error.details).toMatchObject({ confirmed: true });
      expect(error.partial).toMatchObject({ outcome: 'signaled', stdout: 'before\n' });
      expect(await countProcesses(sandbox as never, marker)).toBe(0);
    }
    const fired = AbortSignal.abort(new Error('before'));
    for (const call of [
      () => sandbox.exec('true', { signal: fired }),
      () => sandbox.spawn('true', { signal: fired }),
      () => sandbox.runCode('1', { signal: fired }),
      () => sandbox.files.write('never', 'x', { signal: fired }),
      () => sandbox.ports.connect(1, { signal: fired }),
    ]) {
      expect(await rejection(call())).toBeInstanceOf(TaskAbortedError);
    }
    expect(await sandbox.files.exists('never')).toBe(false);
  });

  it('hands over a running command with its streams', async () => {
    await using command = await sandbox.spawn([
      'sh',
      '-c',
      'echo ready; read line; echo got $line; echo err >&2; sleep 600333',
    ]);
    expect(command.pid).toBeGreaterThan(1);
    command.stdin!.write('a line\n');
    let seen = '';
    for await (const chunk of command.stdout) {
      seen += String(chunk);
      if (seen.includes('got')) break;
    }
    expect(seen).toBe('ready\ngot a line\n');
    command.stderr.resume();
    await command.kill();
    expect(await command.wait()).toMatchObject({ outcome: 'signaled' });
    const trapped = await sandbox.spawn([
      'sh',
      '-c',
      'trap "echo usr; exit 9" USR1; echo up; while :; do sleep 0.05; done',
    ]);
    const output = new Output();
    trapped.stdout.on('data', output.take);
    const ended = finished(trapped.stdout);
    trapped.stderr.resume();
    await output.seen('up\n');
    await trapped.kill('SIGUSR1');
    expect(await trapped.wait()).toMatchObject({ outcome: 'exited', exitCode: 9 });
    await ended;
    expect(output.text).toBe('up\nusr\n');
    expect(await rejection(trapped.kill('SIGNOPE'))).toBeInstanceOf(InvalidOptionsError);
    const missing = await sandbox.spawn(['/nope']);
    expect(missing.pid).toBeUndefined();
    expect(await missing.wait()).toMatchObject({ outcome: 'spawn-failed' });
  });

  it('streams 32 MiB through a command without keeping it', async () => {
    const command = await sandbox.spawn(['cat']);
    command.stderr.resume();
    const block = Buffer.alloc(1024 * 1024, 'b');
    const writing = (async () => {
      for (let i = 0; i < 32; i++)
        if (!command.stdin!.write(block)) await new Promise((done) => command.stdin!.once('drain', done));
      command.stdin!.end();
    })();
    let bytes = 0;
    for await (const chunk of command.stdout) bytes += (chunk as Buffer).length;
    await writing;
    expect(bytes).toBe(32 * 1024 * 1024);
    expect((await command.wait()).exitCode).toBe(0);
  });

  it('has a terminal', async () => {
    const command = await sandbox.spawn(['sh', '-c', 'tty >/dev/null && stty size; read x; stty size'], {
      pty: { cols: 91, rows: 17 },
    });
    let seen = '';
    command.stdout.on('data', (chunk: Buffer) => {
      seen += String(chunk);
    });
    await expect.poll(() => seen).toContain('17 91');
    expect(() => command.resize(Number.NaN, -1)).toThrow(/^resize: cols: .*; rows: /);
    command.resize(33, 11);
    command.stdin.write('\r');
    await command.wait();
    await expect.poll(() => seen).toContain('11 33');
  });

  it('works on files', async () => {
    const { files } = sandbox;
    await files.write('dir/ü.txt', 'content', { mode: 0o640 });
    expect(await files.readText('dir/ü.txt')).toBe('content');
    expect(await files.readText('dir/ü.txt', { offset: 3 })).toBe('tent');
    expect(await files.stat('dir/ü.txt')).toMatchObject({ path: 'dir/ü.txt', kind: 'file', size: 7, mode: 0o640 });
    await files.write('dir/ü.txt', ' more', { append: true });
    await files.rename('dir/ü.txt', 'dir/sub/b');
    expect((await files.list('dir', { depth: Number.POSITIVE_INFINITY })).map(({ path }) => path)).toEqual([
      'sub',
      'sub/b',
    ]);
    expect((await files.diff()).map(({ path, change }) => `${change} ${path}`)).toContain('added dir/sub/b');
    expect((await sandbox.diff()).length).toBeGreaterThan(2);
    await files.write('dir/node_modules/m/x', 'x');
    expect((await files.diff()).ignored).toEqual(['dir/node_modules']);
    expect((await files.diff({ defaultIgnores: false })).ignoredCount).toBe(0);
    expect(await files.exists('dir/ü.txt')).toBe(false);
    await files.remove('dir', { recursive: true });
    await files.remove('dir', { force: true });
    const big = Buffer.alloc(5_000_000, 'x');
    await files.write('big', big);
    expect((await buffer(await files.readStream('big'))).equals(big)).toBe(true);
    const errors = [
      [() => files.read('nope'), 'file-not-found'],
      [() => files.read('.'), 'is-a-directory'],
      [() => files.read('big', { maxBytes: 10 }), 'file-too-large'],
      [() => files.readStream('nope'), 'file-not-found'],
      [() => files.readArchive('nope'), 'file-not-found'],
      [() => files.read('../../etc/passwd'), 'outside-workspace'],
      [() => files.write('/etc/x', 'x'), 'permission-denied'],
      [() => files.write('big', 'x', { exclusive: true }), 'file-exists'],
      [() => files.list('nope'), 'file-not-found'],
    ] as const;
    for (const [call, code] of errors) {
      const error = await rejection<FileError>(call());
      expect(error).toBeInstanceOf(FileError);
      expect(error.code).toBe(code);
      expect(error.errno).toMatch(/^E/);
    }
    await files.remove('big');
  });

  it('moves trees up and down, and takes what comes out for hostile', async () => {
    const source = `${temp.path}/${way.replaceAll(' ', '-')}`;
    await mkdir(`${source}/a/b`, { recursive: true });
    writeFileSync(`${source}/a/b/deep.txt`, 'deep');
    writeFileSync(`${source}/top.txt`, 'top');
    symlinkSync('/etc/passwd', `${source}/leak`);
    const report = await sandbox.files.upload(source, 'up');
    expect(report).toEqual({ files: 2, directories: 2, links: 1, bytes: 7, refused: [], refusedCount: 0 });
    expect(await sandbox.files.stat('up/leak', { follow: false })).toMatchObject({ linkTarget: '/etc/passwd' });
    await sandbox.files.upload(`${source}/top.txt`, 'single.txt');
    expect(await sandbox.files.readText('single.txt')).toBe('top');
    await sandbox.exec('ln -s /etc/shadow up/out; ln -s top.txt up/in');
    const down = await sandbox.files.download('up', `${source}-down`);
    expect(down.refused.map(({ path }) => path).sort()).toEqual(['leak', 'out']);
    expect(readFileSync(`${source}-down/a/b/deep.txt`, 'utf8')).toBe('deep');
    await sandbox.files.download('single.txt', `${source}-single`);
    expect(readFileSync(`${source}-single`, 'utf8')).toBe('top');
    await sandbox.files.writeArchive('again', await sandbox.files.readArchive('up/a'));
    expect(await sandbox.files.readText('again/b/deep.txt')).toBe('deep');
    const torn = rejection(sandbox.files.writeArchive('torn', [Buffer.from('no tar at all')] as never));
    expect(await torn).toBeInstanceOf(FileError);
  });

  it('takes a name that ends in a slash for a directory', async () => {
    await sandbox.files.write('slashes/one.txt', '1');
    await sandbox.files.download('slashes/one.txt', `${temp.path}/${way}/`);
    expect(readFileSync(`${temp.path}/${way}/one.txt`, 'utf8')).toBe('1');
    expect(await rejection(sandbox.files.download('slashes/one.txt', `${temp.path}/${way}`))).toMatchObject({
      code: 'is-a-directory',
      message: `Cannot write ${temp.path}/${way}: is a directory (EISDIR)`,
      hint: 'End the path with a slash to copy the file into the directory.',
    });
    await sandbox.files.upload(`${temp.path}/${way}/one.txt`, 'slashes/up/');
    expect(await sandbox.files.readText('slashes/up/one.txt')).toBe('1');
    for (const path of ['slashes/new/', 'slashes/up/', 'slashes/one.txt/'])
      expect(await rejection(sandbox.files.write(path, 'x'))).toMatchObject({ code: 'is-a-directory' });
    expect((await sandbox.files.list('slashes')).map((info) => info.path)).toEqual(['one.txt', 'up']);
  });

  it('reaches what listens inside', async () => {
    await sandbox.files.write('site/index.html', '<h1>inside</h1>');
    await using server = await sandbox.spawn(['python3', '-m', 'http.server', '8000', '-d', 'site']);
    server.stdout.resume();
    server.stderr.resume();
    await sandbox.ports.waitFor(8000);
    expect(await (await sandbox.ports.fetch(8000, '/')).text()).toBe('<h1>inside</h1>');
    await using forward = await sandbox.ports.forward(8000);
    expect(await (await fetch(forward.url)).text()).toBe('<h1>inside</h1>');
    const connection = await sandbox.ports.connect(8000);
    connection.end('GET / HTTP/1.0\r\n\r\n');
    expect(await text(connection)).toContain('inside');
    expect(await rejection(sandbox.ports.connect(8999))).toMatchObject({ code: 'port-refused' });
  });

  it('names what is wrong with options', async () => {
    for (const call of [
      () => sandbox.exec('true', { timeoutMS: 1 } as never),
      () => sandbox.exec([]),
      () => sandbox.exec(['a\0b']),
      () => sandbox.files.read('a\0b'),
      () => create({ imag: 'python' } as never),
      () => create({ limits: { memory: '1m' } }),
    ]) {
      expect(await rejection(call())).toBeInstanceOf(InvalidOptionsError);
    }
    expect(await rejection(create({ image: 'no/such:image' }))).toMatchObject({
      code: way === 'in this process' ? 'image-not-found' : 'forbidden',
    });
  });

  it('names what is wrong with what is given besides options', async () => {
    const { files } = sandbox;
    for (const wrong of [null, 5, {}, ['a', 5], Buffer.from('a'), new URL('file:///a'), true] as never[]) {
      for (const call of [
        () => sandbox.exec(wrong),
        () => sandbox.spawn(wrong),
        () => sandbox.runCode(wrong),
        () => files.read(wrong),
        () => files.readText(wrong),
        () => files.readStream(wrong),
        () => files.readArchive(wrong),
        () => files.writeArchive(wrong, Buffer.alloc(0)),
        () => files.write(wrong, ''),
        () => files.list(wrong),
        () => files.stat(wrong),
        () => files.exists(wrong),
        () => files.makeDir(wrong),
        () => files.remove(wrong),
        () => files.rename(wrong, 'a'),
        () => files.rename('a', wrong),
        () => files.upload(wrong),
        () => files.upload(temp.path, wrong),
        () => files.download(wrong, temp.path),
        () => files.download('/etc/hostname', wrong),
      ] as (() => Promise<unknown>)[]) {
        expect(await rejection(call()), `${call} of ${JSON.stringify(wrong)}`).toBeInstanceOf(InvalidOptionsError);
      }
    }
    for (const wrong of [5, 'python', ['image', 'python'], true] as never[])
      expect(await rejection(create(wrong))).toBeInstanceOf(InvalidOptionsError);
  });

  it('writes text and bytes of every kind, and refuses all else without a change', async () => {
    const written = async (content: unknown) => {
      await sandbox.files.write('kinds', content as never);
      return [...(await sandbox.files.read('kinds'))];
    };
    const two = new Uint16Array([0x6261, 0x6463]);
    const pieces = async function* (...all: unknown[]) {
      yield* all;
    };
    for (const content of [
      'abcd',
      two,
      two.buffer,
      new DataView(two.buffer),
      Buffer.from('--abcd').subarray(2),
      pieces('ab', '', new Uint8Array([0x63]), 'd'),
      pieces(two),
      pieces(two.buffer),
      new Blob(['ab', 'cd']),
      new Blob(['abcd']).stream(),
    ]) {
      expect(await written(content)).toEqual([0x61, 0x62, 0x63, 0x64]);
    }
    for (const content of [undefined, null, 5, {}, Promise.resolve('x'), pieces('x', 5), pieces(null), [1, 2]]) {
      expect(await rejection(written(content))).toMatchObject({
        code: 'invalid-options',
        message: expect.stringMatching(/^files\.write: content: expected .*, received /),
      });
    }
    const broken = async function* () {
      yield 'x';
      throw new Error('the source broke');
    };
    expect(await rejection(written(broken()))).toMatchObject({ message: 'the source broke' });
    expect(await sandbox.files.readText('kinds')).toBe('abcd');
    const input = { stdin: pieces('x', 5) as never, timeoutMs: 20_000 };
    expect(await rejection(sandbox.exec('cat', input))).toMatchObject({
      code: 'invalid-options',
      message: 'stdin: expected strings or bytes from the iterable, received number (got 5)',
    });
    await sandbox.files.write('packed/one', 'abcd');
    await sandbox.files.writeArchive('unpacked', await buffer(await sandbox.files.readArchive('packed')));
    expect(await sandbox.files.readText('unpacked/one')).toBe('abcd');
  });

  it('tells the labels it was made with', async () => {
    const labels = { team: 'blue/green', 'a b': 'é %20 "q"', empty: '' };
    await using labelled = await create({ image: 'base', labels });
    expect(labelled.labels).toEqual(labels);
    expect(sandbox.labels).toEqual({});
    const listed = way === 'in this process' ? under.manager.list() : await client.list();
    expect(listed.find(({ id }) => id === labelled.id)?.labels).toEqual(labels);
  });

  it('has figures, a later end, and an end', async () => {
    expect((await sandbox.stats()).memoryBytes).toBeGreaterThan(0);
    await sandbox.extend(60_000);
    await using other = await create({ image: 'python' });
    const pending = other.exec('sleep 60');
    pending.catch(() => {});
    await expect.poll(async () => (await other.stats()).commands).toBe(1);
    const receipt = await other.close();
    expect(receipt).toMatchObject({ sandbox: other.id, container: { verifiedAbsent: true }, errors: [] });
    expect(await other.close()).toEqual(receipt);
    expect(other.closed).toBe(true);
    expect(await rejection(pending)).toMatchObject({ code: 'sandbox-closed' });
    expect(await rejection(other.exec('true'))).toBeInstanceOf(SandboxLostError);
    expect(await rejection(other.spawn('true'))).toBeInstanceOf(SandboxLostError);
    expect(await rejection(other.files.read('x'))).toBeInstanceOf(SandboxLostError);
  });

  it('tells of a sandbox that ends by itself', async () => {
    await using short = await create({ image: 'python', lifetimeMs: 6000 });
    expect(await short.exec('sleep 60')).toMatchObject({ outcome: 'sandbox-lost' });
    expect(await rejection(short.exec('true'))).toBeInstanceOf(SandboxLostError);
  });

  it('an abort while it is made leaves nothing', async () => {
    const controller = new AbortController();
    const making = create({ image: 'python', signal: controller.signal });
    setTimeout(() => controller.abort(), 60);
    expect(await rejection(making)).toBeInstanceOf(TaskAbortedError);
  });
});
