import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import {
  type AgentProcess,
  decodeReady,
  decodeRecords,
  FLAG,
  failureErrno,
  SANDBOX_UID,
  TYPE,
} from '../../helpers/agent-process.js';
import { describeAgent } from '../../helpers/agent-suite.js';

const {
  EACCES,
  EBUSY,
  ECANCELED,
  EEXIST,
  EFBIG,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOSYS,
  ENOTDIR,
  ENOTEMPTY,
  EXDEV,
  E2BIG,
} = constants.errno;

describeAgent('agent: file operations', (suite) => {
  const path = (agent: AgentProcess, ...names: string[]) => join(agent.workspace, ...names);
  const own = (file: string) => chownSync(file, SANDBOX_UID, SANDBOX_UID);
  const errno = async (operation: Promise<Parameters<typeof failureErrno>[0]>) => failureErrno(await operation);

  it('write, then read, in part or whole', async () => {
    const agent = await suite.ready();
    const data = randomBytes(3_000_000);
    const file = path(agent, 'a', 'b', 'file');
    expect(await errno(agent.fs('write', [file, '640', data.length, 1], data))).toBe(0);
    expect(statSync(file)).toMatchObject({ mode: 0o100640, uid: SANDBOX_UID, gid: SANDBOX_UID });
    expect((await agent.fs('read', [file])).stdout.equals(data)).toBe(true);
    const part = await agent.fs('read', [file, 2_999_000, '-']);
    expect(part.stdout.equals(data.subarray(2_999_000))).toBe(true);
    expect((await agent.fs('read', [file, 4_000_000])).stdout.length).toBe(0);
  });

  it('write keeps the mode of what it replaces, and makes 644 of what is new', async () => {
    const agent = await suite.ready();
    const file = path(agent, 'tool');
    await agent.fs('write', [file], Buffer.from('1'));
    expect(statSync(file).mode & 0o777).toBe(0o644);
    chmodSync(file, 0o755);
    await agent.fs('write', [file, '-', '-', '-'], Buffer.from('2'));
    expect(statSync(file).mode & 0o777).toBe(0o755);
    expect(readFileSync(file, 'utf8')).toBe('2');
  });

  it('write changes nothing when the data ends early', async () => {
    const agent = await suite.ready();
    const file = path(agent, 'file');
    writeFileSync(file, 'old');
    own(file);
    expect(await errno(agent.fs('write', [file, '-', 10, 0], Buffer.from('short')))).toBe(ECANCELED);
    expect(await errno(agent.fs('write', [file, '-', 10, 2], Buffer.from('short')))).toBe(ECANCELED);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(readdirSync(agent.workspace)).toEqual(['file']);
  });

  it('an atomic write leaves nothing when it is told to stop in the middle', async () => {
    const agent = await suite.ready();
    const stream = agent.spawn(['write', path(agent, 'file'), '-', '100000', '8'], { flags: FLAG.FS | FLAG.STDIN });
    agent.send(stream, TYPE.STDIN, Buffer.from('some'));
    await vi.waitFor(() => expect(readdirSync(agent.workspace)).toHaveLength(1), { timeout: 3000 });
    agent.kill(stream, { graceMs: 2000 });
    await agent.result(stream);
    expect(readdirSync(agent.workspace)).toEqual([]);
  });

  it.each([
    ['in memory', 3],
    ['in a file without a name', 3 * 1024 ** 2],
  ])('write keeps the inode, and what does not come whole changes nothing: data %s', async (_, size) => {
    const agent = await suite.ready();
    const file = path(agent, 'file');
    writeFileSync(file, 'o'.repeat(size + 1));
    own(file);
    linkSync(file, path(agent, 'hard'));
    const { ino } = statSync(file);
    expect(await errno(agent.fs('write', [file, '-', size + 1, 0], Buffer.alloc(size)))).toBe(ECANCELED);
    expect(await errno(agent.fs('write', [path(agent, 'a/b'), '-', size + 1, 1], Buffer.alloc(size)))).toBe(ECANCELED);
    expect(readFileSync(file, 'utf8')).toBe('o'.repeat(size + 1));
    const data = randomBytes(size);
    expect(await errno(agent.fs('write', [file, '-', -1, 0], data))).toBe(0);
    expect(readFileSync(path(agent, 'hard')).equals(data)).toBe(true);
    expect(statSync(file).ino).toBe(ino);
    expect(await errno(agent.fs('write', [file, '-', -1, 8], Buffer.from('other')))).toBe(0);
    expect(statSync(file).ino).not.toBe(ino);
    expect(readFileSync(path(agent, 'hard')).equals(data)).toBe(true);
    expect(readdirSync(agent.workspace).sort()).toEqual(['file', 'hard']);
  });

  it('a watcher sees a new file made once, and an old one changed but never replaced', async () => {
    const agent = await suite.ready();
    const events: string[] = [];
    const watcher = watch(agent.workspace, (type, name) => events.push(`${type} ${name}`));
    try {
      expect(await errno(agent.fs('write', [path(agent, 'file'), '-', -1, 0], Buffer.from('one')))).toBe(0);
      await vi.waitFor(() => expect(events.filter((event) => event === 'change file').length).toBeGreaterThan(1));
      expect(await errno(agent.fs('write', [path(agent, 'file'), '-', -1, 0], Buffer.from('three')))).toBe(0);
      writeFileSync(path(agent, 'end'), '');
      await vi.waitFor(() => expect(events).toContain('rename end'));
      // The kernel merges equal events only until they are read (inotify(7)), so their number is left open.
      const seen = events.slice(0, events.indexOf('rename end'));
      expect([seen[0], ...new Set(seen.slice(1))]).toEqual(['rename file', 'change file']);
    } finally {
      watcher.close();
    }
  });

  it('write refuses at once what is no regular file', async () => {
    const agent = await suite.ready();
    execFileSync('mkfifo', ['-m', '666', path(agent, 'fifo')]);
    mkdirSync(path(agent, 'directory'));
    for (const flags of [0, 2, 8]) {
      const stream = agent.spawn(['write', path(agent, 'directory'), '-', '10', String(flags)], {
        flags: FLAG.FS | FLAG.STDIN,
      });
      expect(failureErrno(await agent.result(stream))).toBe(EISDIR);
    }
    expect(await errno(agent.fs('write', [path(agent, 'fifo'), '-', 1, 0], Buffer.from('x')))).toBe(EINVAL);
    expect(await errno(agent.fs('write', [path(agent, 'fifo'), '-', 1, 2], Buffer.from('x')))).toBe(EINVAL);
    expect(await errno(agent.fs('write', ['/dev/null', '-', 1, 0], Buffer.from('x')))).toBe(EINVAL);
  });

  it.each([
    ['with openat2', false],
    ['without openat2', true],
  ])('every operation follows links that stay in the workspace, %s', async (_, without) => {
    const agent = await suite.start({ wrapper: without ? suite.without('openat2') : [] });
    await agent.next();
    const x = Buffer.from('x');
    const text = async (name: string) => (await agent.fs('read', [path(agent, name)])).stdout.toString();
    mkdirSync(path(agent, 'real/deep'), { recursive: true });
    for (const name of ['real', 'real/deep']) own(path(agent, name));
    const links = {
      'absolute-directory': path(agent, 'real'),
      'to-the-workspace': agent.workspace,
      'real/deep/up': '../../real',
      'absolute-file': path(agent, 'absolute-directory', 'file'),
      'relative-file': 'real/deep/up/file',
      dangling: 'real/new',
    };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, path(agent, name));
    for (const name of ['absolute-file', 'relative-file']) {
      for (const flags of [0, 2, 8]) {
        const { length } = without ? name : `${name}${flags}`;
        expect(await errno(agent.fs('write', [path(agent, name), '-', length, flags], Buffer.alloc(length, 'y')))).toBe(
          0,
        );
        expect(lstatSync(path(agent, name)).isSymbolicLink()).toBe(true);
      }
      expect(readFileSync(path(agent, 'real/file'), 'utf8')).toMatch(/^y+$/);
      expect(await text(name)).toBe(readFileSync(path(agent, 'real/file'), 'utf8'));
    }
    expect(await errno(agent.fs('write', [path(agent, 'dangling'), '-', 1, 0], x))).toBe(0);
    expect(readFileSync(path(agent, 'real/new'), 'utf8')).toBe('x');
    expect(await errno(agent.fs('write', [path(agent, 'dangling'), '-', 1, 4], x))).toBe(EEXIST);
    expect(await text('to-the-workspace/absolute-directory/deep/up/new')).toBe('x');
    expect(await errno(agent.fs('write', [path(agent, 'absolute-directory/p/q'), '-', 1, 1], x))).toBe(0);
    expect(readFileSync(path(agent, 'real/p/q'), 'utf8')).toBe('x');
    const listed = await agent.fs('list', [path(agent, 'absolute-directory'), 1, -1]);
    expect(decodeRecords(listed.stdout).map((record) => record.path)).toEqual(['deep', 'file', 'new', 'p']);
    symlinkSync('round', path(agent, 'round'));
    expect(await errno(agent.fs('write', [path(agent, 'round'), '-', 1, 0], x))).toBe(ELOOP);
  });

  it('write follows links outside the workspace as the kernel does, also an atomic one', async () => {
    const agent = await suite.ready();
    mkdirSync(path(agent, 'real'));
    own(path(agent, 'real'));
    const outside = `/tmp/ripcord-test-${randomBytes(6).toString('hex')}`;
    symlinkSync(path(agent, 'real', 'file'), outside);
    try {
      for (const flags of [0, 8]) {
        expect(await errno(agent.fs('write', [outside, '-', 1, flags], Buffer.from(String(flags))))).toBe(0);
        expect(lstatSync(outside).isSymbolicLink()).toBe(true);
        expect(readFileSync(path(agent, 'real', 'file'), 'utf8')).toBe(String(flags));
      }
    } finally {
      unlinkSync(outside);
    }
  });

  it('write appends, or refuses what exists', async () => {
    const agent = await suite.ready();
    const file = path(agent, 'file');
    expect(await errno(agent.fs('write', [file, '-', 3, 2], Buffer.from('abc')))).toBe(0);
    expect(await errno(agent.fs('write', [file, '-', 3, 2], Buffer.from('def')))).toBe(0);
    expect(await errno(agent.fs('write', [file, '-', 1, 4], Buffer.from('x')))).toBe(EEXIST);
    expect(readFileSync(file, 'utf8')).toBe('abcdef');
    expect(readdirSync(agent.workspace)).toEqual(['file']);
  });

  it('read refuses more than it may before sending a byte', async () => {
    const agent = await suite.ready();
    const file = path(agent, 'giant');
    writeFileSync(file, '');
    truncateSync(file, 2 ** 40);
    // The test has no time to read a terabyte first.
    const result = await agent.fs('read', [file, 0, 1000]);
    expect(failureErrno(result)).toBe(EFBIG);
    expect(result.stdoutBytes).toBe(0);
    expect(await errno(agent.fs('tar', [agent.workspace, 1_000_000, -1]))).toBe(EFBIG);
    expect(await errno(agent.fs('manifest', [agent.workspace, 1_000_000, -1]))).toBe(EFBIG);
  });

  it('read refuses what is no regular file, without hanging', async () => {
    const agent = await suite.ready();
    execFileSync('mkfifo', ['-m', '666', path(agent, 'fifo')]);
    expect(await errno(agent.fs('read', [path(agent, 'fifo')]))).toBe(EINVAL);
    expect(await errno(agent.fs('read', [agent.workspace]))).toBe(EISDIR);
    expect(await errno(agent.fs('read', ['/dev/zero']))).toBe(EINVAL);
    expect(await errno(agent.fs('read', [path(agent, 'none')]))).toBe(ENOENT);
    expect(await errno(agent.fs('read', ['/etc/shadow']))).toBe(EACCES);
  });

  it('read takes files whose size says nothing', async () => {
    const agent = await suite.ready();
    expect((await agent.fs('read', ['/proc/version', 0, 10_000])).stdout.toString()).toContain('Linux');
    expect(await errno(agent.fs('read', ['/proc/version', 0, 5]))).toBe(EFBIG);
  });

  it.each([
    ['with openat2', false],
    ['without openat2', true],
  ])('no link leads out of the workspace, %s', async (_, without) => {
    const agent = await suite.start({ wrapper: without ? suite.without('openat2') : [] });
    expect(decodeReady((await agent.next()).payload).caps & 128).toBe(without ? 0 : 128);
    mkdirSync(path(agent, 'inside'));
    own(path(agent, 'inside'));
    writeFileSync(path(agent, 'inside', 'file'), 'x');
    symlinkSync('/etc/passwd', path(agent, 'file-link'));
    symlinkSync('/tmp', path(agent, 'absolute'));
    symlinkSync('../..', path(agent, 'relative'));
    symlinkSync('/proc/1/root', path(agent, 'magic'));
    const x = Buffer.from('x');
    for (const name of ['file-link', 'absolute/x', 'relative/etc/passwd', 'magic/etc/passwd']) {
      expect(await errno(agent.fs('read', [path(agent, name)])), name).toBe(EXDEV);
    }
    expect(await errno(agent.fs('read', [`${agent.workspace}/../../etc/passwd`]))).toBe(EXDEV);
    for (const link of ['absolute', 'relative']) {
      const out = path(agent, link, 'ripcord-escape');
      expect(await errno(agent.fs('write', [out, '-', 1, 0], x)), link).toBe(EXDEV);
      expect(await errno(agent.fs('write', [`${out}/y`, '-', 1, 1], x)), link).toBe(EXDEV);
      expect(await errno(agent.fs('mkdir', [out, '-', 1])), link).toBe(EXDEV);
      expect(await errno(agent.fs('remove', [out, 1, 1])), link).toBe(EXDEV);
      expect(await errno(agent.fs('list', [path(agent, link)])), link).toBe(EXDEV);
      expect(await errno(agent.fs('rename', [path(agent, 'inside'), out, 0])), link).toBe(EXDEV);
      expect(await errno(agent.fs('untar', [path(agent, link)], Buffer.alloc(1024))), link).toBe(EXDEV);
      expect(await errno(agent.fs('stat', [path(agent, link), 1])), link).toBe(EXDEV);
    }
    expect(existsSync('/tmp/ripcord-escape')).toBe(false);
    // A link itself can be looked at and removed.
    expect(decodeRecords((await agent.fs('stat', [path(agent, 'absolute'), 0])).stdout)[0]!.link).toBe('/tmp');
    for (const flags of [0, 2, 8]) {
      expect(await errno(agent.fs('write', [path(agent, 'file-link'), '-', 1, flags], x))).toBe(EXDEV);
    }
    expect(lstatSync(path(agent, 'file-link')).isSymbolicLink()).toBe(true);
    expect(await errno(agent.fs('remove', [path(agent, 'absolute'), 1, 0]))).toBe(0);
    expect(existsSync('/tmp')).toBe(true);
    // Everything inside works as ever.
    expect((await agent.fs('read', [path(agent, 'inside', 'file')])).stdout.toString()).toBe('x');
    expect(await errno(agent.fs('mkdir', [path(agent, 'p/q/r'), '-', 1]))).toBe(0);
    expect(await errno(agent.fs('tar', [agent.workspace]))).toBe(0);
  });

  it('list has directories before their content, siblings in order of bytes', async () => {
    const agent = await suite.ready();
    for (const name of ['b', 'b/z', 'b/a', 'a.txt', 'a']) mkdirSync(path(agent, name));
    writeFileSync(path(agent, 'b', 'a', 'file'), 'hello');
    symlinkSync('nowhere', path(agent, 'link'));
    const names = async (...args: (string | number)[]) =>
      decodeRecords((await agent.fs('list', [agent.workspace, ...args])).stdout).map(({ path }) => path);
    expect(await names(-1, -1)).toEqual(['a', 'a.txt', 'b', 'b/a', 'b/a/file', 'b/z', 'link']);
    expect(await names(1, -1)).toEqual(['a', 'a.txt', 'b', 'link']);
    expect(await names(2, -1)).toEqual(['a', 'a.txt', 'b', 'b/a', 'b/z', 'link']);
    expect(await errno(agent.fs('list', [agent.workspace, -1, 3]))).toBe(E2BIG);
    expect(await errno(agent.fs('list', [path(agent, 'b', 'a', 'file'), -1, 3]))).toBe(ENOTDIR);
  });

  it('list and stat tell what there is to know', async () => {
    const agent = await suite.ready();
    writeFileSync(path(agent, 'file'), 'hello', { mode: 0o600 });
    symlinkSync('file', path(agent, 'link'));
    execFileSync('mkfifo', [path(agent, 'pipe')]);
    const records = decodeRecords((await agent.fs('list', [agent.workspace, 1, -1])).stdout);
    const [file, link, pipe] = records;
    const st = statSync(path(agent, 'file'), { bigint: true });
    expect(file).toEqual({
      kind: 'f',
      mode: 0o600,
      uid: 0,
      gid: 0,
      size: 5,
      mtimeNs: st.mtimeNs,
      sha256: '0'.repeat(64),
      path: 'file',
      link: '',
    });
    expect(link).toMatchObject({ kind: 'l', link: 'file' });
    expect(pipe).toMatchObject({ kind: 'o' });
    const followed = decodeRecords((await agent.fs('stat', [path(agent, 'link'), 1])).stdout)[0];
    expect(followed).toMatchObject({ kind: 'f', size: 5, path: path(agent, 'link') });
    expect(await errno(agent.fs('stat', [path(agent, 'none'), 0]))).toBe(ENOENT);
  });

  it('names may be any bytes', async () => {
    const agent = await suite.ready();
    const name = Buffer.from([0xff, 0x0a, 0x1b, 0x5b, 0x41, 0x2d]);
    const file = Buffer.concat([Buffer.from(`${agent.workspace}/-rf`), name]);
    expect(await errno(agent.fs('write', [file, '-', 1, 0], Buffer.from('x')))).toBe(0);
    const { stdout } = await agent.fs('list', [agent.workspace, 1, -1]);
    expect(stdout.includes(name)).toBe(true);
    expect((await agent.fs('read', [file])).stdout.toString()).toBe('x');
    expect(await errno(agent.fs('remove', [file, 0, 0]))).toBe(0);
  });

  it('mkdir makes one, or all that are missing', async () => {
    const agent = await suite.ready();
    expect(await errno(agent.fs('mkdir', [path(agent, 'a/b'), '-', 0]))).toBe(ENOENT);
    expect(await errno(agent.fs('mkdir', [path(agent, 'a/b'), '700', 1]))).toBe(0);
    expect(statSync(path(agent, 'a/b')).mode & 0o777).toBe(0o700);
    expect(await errno(agent.fs('mkdir', [path(agent, 'a/b'), '-', 1]))).toBe(0);
    expect(await errno(agent.fs('mkdir', [path(agent, 'a/b'), '-', 0]))).toBe(EEXIST);
    writeFileSync(path(agent, 'file'), '');
    expect(await errno(agent.fs('mkdir', [path(agent, 'file/x'), '-', 1]))).toBe(ENOTDIR);
    expect(await errno(agent.fs('mkdir', ['relative', '-', 1]))).toBe(EINVAL);
  });

  it('mkdir makes several, up to the first that fails', async () => {
    const agent = await suite.ready();
    const several = [path(agent, 'x'), '700', 1, path(agent, 'y/z'), 'relative', path(agent, 'never')];
    expect(await errno(agent.fs('mkdir', several))).toBe(EINVAL);
    expect(statSync(path(agent, 'x')).mode & 0o777).toBe(0o700);
    expect(statSync(path(agent, 'y/z')).mode & 0o777).toBe(0o700);
    expect(existsSync(path(agent, 'never'))).toBe(false);
  });

  it('rename moves, and overwrites only when told', async () => {
    const agent = await suite.ready();
    writeFileSync(path(agent, 'a'), 'a');
    writeFileSync(path(agent, 'b'), 'b');
    expect(await errno(agent.fs('rename', [path(agent, 'a'), path(agent, 'b'), 0]))).toBe(EEXIST);
    expect(await errno(agent.fs('rename', [path(agent, 'a'), path(agent, 'b'), 1]))).toBe(0);
    expect(readFileSync(path(agent, 'b'), 'utf8')).toBe('a');
    expect(await errno(agent.fs('rename', [path(agent, 'a'), path(agent, 'c'), 0]))).toBe(ENOENT);
    expect(await errno(agent.fs('rename', [path(agent, 'b'), path(agent, 'c'), 0]))).toBe(0);
    expect(await errno(agent.fs('rename', [path(agent, 'c'), path(agent, 'd/e/f'), 0, 0]))).toBe(ENOENT);
    expect(await errno(agent.fs('rename', [path(agent, 'none'), path(agent, 'd/e/f'), 0, 1]))).toBe(ENOENT);
    expect(readdirSync(agent.workspace)).toEqual(['c']);
    expect(await errno(agent.fs('rename', [path(agent, 'c'), path(agent, 'd/e/f'), 0, 1]))).toBe(0);
    expect(readFileSync(path(agent, 'd/e/f'), 'utf8')).toBe('a');
  });

  it('remove takes files, empty directories, and trees when told', async () => {
    const agent = await suite.ready();
    await agent.sh('mkdir -p d/e/f g; touch d/e/f/x; chmod 000 d/e/f; chmod 500 d/e; ln -s /etc d/link; mkfifo d/p');
    expect(await errno(agent.fs('remove', [path(agent, 'g'), 0, 0]))).toBe(0);
    expect(await errno(agent.fs('remove', [path(agent, 'd'), 0, 0]))).toBe(ENOTEMPTY);
    expect(await errno(agent.fs('remove', [path(agent, 'd'), 1, 0]))).toBe(0);
    expect(await errno(agent.fs('remove', [path(agent, 'd'), 1, 0]))).toBe(ENOENT);
    expect(await errno(agent.fs('remove', [path(agent, 'd'), 1, 1]))).toBe(0);
    expect(await errno(agent.fs('remove', [agent.workspace, 1, 1]))).toBe(EBUSY);
    expect(readdirSync(agent.workspace)).toEqual([]);
    expect(existsSync('/etc/passwd')).toBe(true);
  });

  it('a directory 20,000 deep can be removed, and ends the others with an error', {
    timeout: 120_000,
  }, async () => {
    const agent = await suite.ready();
    const deep = 'import os\nfor i in range(20000):\n os.mkdir("dddddddddd"); os.chdir("dddddddddd")';
    expect((await agent.run(['python3', '-c', deep])).exitCode).toBe(0);
    for (const operation of ['tar', 'manifest']) {
      expect(await errno(agent.fs(operation, [agent.workspace, -1, -1]))).toBe(ENAMETOOLONG);
      expect(await errno(agent.fs(operation, [agent.workspace, -1, 100]))).toBe(E2BIG);
    }
    expect(await errno(agent.fs('list', [agent.workspace, -1, -1]))).toBe(ENAMETOOLONG);
    expect(await errno(agent.fs('remove', [path(agent, 'dddddddddd'), 1, 0]))).toBe(0);
    expect(readdirSync(agent.workspace)).toEqual([]);
  });

  it('walks deeper than it keeps directories open', async () => {
    const agent = await suite.ready();
    const deep = join(...Array.from({ length: 300 }, (_, i) => `d${i}`));
    mkdirSync(path(agent, deep), { recursive: true });
    writeFileSync(path(agent, deep, 'end'), 'x');
    writeFileSync(path(agent, 'd0', 'z'), 'x');
    const records = decodeRecords((await agent.fs('list', [agent.workspace, -1, -1])).stdout);
    expect(records.length).toBe(302);
    expect(records.at(-2)!.path).toBe(join(deep, 'end'));
    expect(records.at(-1)!.path).toBe('d0/z');
  });

  it('manifest has the hash of every file', async () => {
    const agent = await suite.ready();
    const sizes = [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 200_000];
    for (const size of sizes) writeFileSync(path(agent, `f${size}`), randomBytes(size));
    const records = decodeRecords((await agent.fs('manifest', [agent.workspace, -1, -1])).stdout);
    expect(records.length).toBe(sizes.length);
    for (const { path: name, sha256 } of records) {
      expect(sha256).toBe(
        createHash('sha256')
          .update(readFileSync(path(agent, name)))
          .digest('hex'),
      );
    }
    expect(await errno(agent.fs('manifest', [agent.workspace, 1000, -1]))).toBe(EFBIG);
  });

  it('runs as the user it is asked for, not as root', async () => {
    const agent = await suite.ready();
    writeFileSync(path(agent, 'secret'), 'x', { mode: 0o600 });
    expect(await errno(agent.fs('read', [path(agent, 'secret')]))).toBe(EACCES);
    expect((await agent.fs('read', [path(agent, 'secret')], undefined, '0')).stdout.toString()).toBe('x');
    linkSync(path(agent, 'secret'), path(agent, 'other'));
  });

  it('refuses what it does not know', async () => {
    const agent = await suite.ready();
    expect(await errno(agent.fs('format', []))).toBe(ENOSYS);
    expect(await errno(agent.fs('read', []))).toBe(EINVAL);
    expect(await errno(agent.fs('read', [agent.workspace, 'x']))).toBe(EINVAL);
    expect(await errno(agent.fs('mkdir', [path(agent, 'd'), '999']))).toBe(EINVAL);
    expect(await errno(agent.fs('stat', [`/${'x'.repeat(5000)}`]))).toBe(ENAMETOOLONG);
  });
});
