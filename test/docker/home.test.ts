/** The sandbox's own things are not in the user's workspace: HOME and TMPDIR are file systems of their own. */
import { gzipSync } from 'node:zlib';
import type { Sandbox } from 'ripcord-sandbox';
import { describe, expect, it } from 'vitest';
import { useManager, useSandbox } from '../helpers/sandbox.js';
import { archive, type RawEntry } from '../helpers/tar-maker.js';

const under = useManager();

async function succeed(sandbox: Sandbox, line: string, timeoutMs = 120_000): Promise<string> {
  const result = await sandbox.exec(line, { timeoutMs });
  expect(result, result.stdout + result.stderr).toMatchObject({ outcome: 'exited', exitCode: 0 });
  return result.stdout;
}

describe('a fresh sandbox', () => {
  const sandbox = useSandbox(under, { image: 'shell' });

  it('has an empty workspace, and HOME and TMPDIR beside it, where programs can be run', async () => {
    const line = `ls -A . ~ $TMPDIR; echo $HOME $TMPDIR; stat -c '%a %u:%g %m' . ~ $TMPDIR
      for d in . ~ $TMPDIR; do cp /bin/true $d/run && $d/run && rm $d/run || echo not in $d; done; mktemp -u`;
    expect(await succeed(sandbox(), line)).toMatch(
      /^\.:\n\n\/home\/sandbox:\n\n\/tmp:\n\/home\/sandbox \/tmp\n755 (\d+:\d+) \/workspace\n700 \1 \/home\/sandbox\n1777 0:0 \/tmp\n\/tmp\/tmp\.\w+\n$/,
    );
    expect(await sandbox().files.list('.', { depth: 9 })).toEqual([]);
  });

  it('lets any user use TMPDIR', async () => {
    expect(await sandbox().exec('f=$(mktemp) && id -u && rm $f', { user: '4321:4321' })).toMatchObject({
      stdout: '4321\n',
      stderr: '',
    });
  });

  it('takes a git clone into the workspace itself, and keeps HOME and TMPDIR whatever is cleaned away there', async () => {
    await succeed(
      sandbox(),
      `git config --global user.name me; git config --global user.email me@example.org; echo kept > $TMPDIR/kept
       git init -q ~/origin; cd ~/origin; echo 1 > file; git add -A; git commit -qm first`,
    );
    await succeed(sandbox(), 'git clone -q ~/origin . && test "$(ls -A)" = "$(printf ".git\\nfile")"');
    await succeed(sandbox(), 'touch untracked; git clean -qfdx; test "$(ls -A)" = "$(printf ".git\\nfile")"');
    await succeed(sandbox(), 'git status --porcelain | grep . && exit 1; tar -cf - . | tar -t | grep -v .git | sort');
    await succeed(sandbox(), 'rm -rf .[!.]* * && test -z "$(ls -A)"');
    expect(await succeed(sandbox(), 'git config user.name; cat $TMPDIR/kept; cd; pwd; mktemp -d')).toMatch(
      /^me\nkept\n\/home\/sandbox\n\/tmp\/tmp\.\w+\n$/,
    );
    await succeed(sandbox(), 'rm -rf ~/* ~/.[!.]* /tmp/*');
  });

  it('takes every name as any other: it is listed, downloaded, and a change', async () => {
    await sandbox().files.write('.ripcord/mine', 'x');
    await sandbox().files.write('.ripcord-too', 'x');
    const paths = ['.ripcord', '.ripcord-too', '.ripcord/mine'];
    const listed = await sandbox().files.list('.', { depth: 9 });
    expect(listed.map(({ path }) => path).sort()).toEqual(paths);
    expect((await sandbox().diff()).map(({ path }) => path)).toEqual(paths);
    await sandbox().exec('rm -rf .[!.]*');
  });
});

describe('what the caller names as HOME and TMPDIR', () => {
  it('is made, where a sandbox may have it', async () => {
    const env = { HOME: '/workspace/my/home', TMPDIR: '/tmp/mine' };
    await using sandbox = await under.manager.create({ image: 'base', env });
    expect(await succeed(sandbox, 'cd && pwd && mktemp')).toMatch(/^\/workspace\/my\/home\n\/tmp\/mine\/tmp\.\w+\n$/);
  });
});

describe('full ones', () => {
  const limits = { memory: '64m', homeFiles: 100 };
  const sandbox = useSandbox(under, { image: 'base', limits });

  it('have the sizes that the limits say', async () => {
    const line = 'stat -f -c "%b %S %c" /workspace ~ /tmp | while read b s c; do echo $((b * s / 1024)) $c; done';
    expect(await succeed(sandbox(), line)).toBe('19664 8192\n10488 100\n9176 2048\n');
  });

  it('are ENOSPC, all three at once to the last byte and the last and longest name, and never out of memory', async () => {
    const line = `long=$(printf 'x%.0s' $(seq 245))
      for d in /workspace ~ /tmp; do
        cat /dev/zero > $d/full; mkdir $d/names && cd $d/names
        (i=0; while : > $long$i; do i=$((i + 1)); done)
      done 2>&1 | grep -c 'No space left on device'
      stat -f -c "%f %d" /workspace ~ /tmp`;
    const result = await sandbox().exec(line, { timeoutMs: 60_000 });
    expect(result).toMatchObject({ stdout: '6\n0 0\n0 0\n0 0\n', oomKilled: false });
    expect(await sandbox().stats()).toMatchObject({ oomKills: 0 });
    expect(
      await sandbox().exec('rm -rf /workspace/* ~/* /tmp/*; ls -A /workspace ~ /tmp | grep -c full'),
    ).toMatchObject({
      stdout: '0\n',
    });
  });
});

/** An archive as npm and pip take it: `files` of so many bytes each, of which gzip makes a quarter, and what else is in it. */
function packed(prefix: string, count: number, bytes: number, others: Record<string, string>): Buffer {
  let seed = 1;
  const noise = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    noise[i] = 97 + ((seed >>> 16) & 3);
  }
  const entries: RawEntry[] = Object.entries(others).map(([name, data]) => ({ name: `${prefix}/${name}`, data }));
  for (let i = 0; i < count; i++) entries.push({ name: `${prefix}/data/part-${i}.txt`, data: noise });
  return gzipSync(archive(...entries), { level: 1 });
}

describe('the sizes of a default sandbox', () => {
  it('do for a pip build from source that runs what it has put into TMPDIR', async () => {
    await using sandbox = await under.manager.create({ image: 'python' });
    const setup = `
import os, stat, subprocess, tempfile
from setuptools import setup
tool = os.path.join(tempfile.mkdtemp(), 'tool')
open(tool, 'w').write('#!/bin/sh\\necho BUILT = 42 > pkg/built.py\\n')
os.chmod(tool, 0o755)
subprocess.check_call([tool])
setup(name='pkg', version='1.0', packages=['pkg', 'data'], package_data={'data': ['*.txt']})
`;
    const source = packed('pkg-1.0', 120, 100_000, {
      'setup.py': setup,
      'pkg/__init__.py': '',
      'data/__init__.py': '',
    });
    await sandbox.files.write('pkg-1.0.tar.gz', source);
    await succeed(
      sandbox,
      'pip install --user --no-index --no-build-isolation --break-system-packages --no-warn-script-location ./pkg-1.0.tar.gz',
    );
    expect(await sandbox.runCode('from pkg.built import BUILT; print(BUILT)')).toMatchObject({ stdout: '42\n' });
    expect(
      await succeed(sandbox, 'python3 -c "import pkg; print(pkg.__file__)"; cd $TMPDIR && ls | grep -v ^tmp || true'),
    ).toMatch(/^\/home\/sandbox\/\.local\/.*\n$/);
  }, 120_000);

  it('do for an npm tree of 60 MB, and the copies that npm makes in HOME', async () => {
    await using sandbox = await under.manager.create({ image: 'node' });
    // One after another: npm unpacks a package into HOME to read its manifest, and may not have removed one copy of it when it
    // makes the next.
    for (const name of ['one', 'two', 'three']) {
      const manifest = JSON.stringify({ name, version: '1.0.0', main: 'main.js' });
      const others = { 'package.json': manifest, 'main.js': `module.exports = '${name}'` };
      await sandbox.files.write(`/tmp/${name}.tgz`, packed('package', 200, 100_000, others));
      await succeed(sandbox, `npm install --offline --no-audit --no-fund /tmp/${name}.tgz`);
    }
    const tree = `find node_modules -type f | wc -l; node -p "['one', 'two', 'three'].map((name) => require(name)).join()"`;
    expect(await succeed(sandbox, tree)).toBe('607\none,two,three\n');
  }, 120_000);
});
