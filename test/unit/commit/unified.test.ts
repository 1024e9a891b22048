import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prepareCommit } from '../../../src/commit/index.js';
import { snapshotOf, stateOf } from '../../helpers/commit-trees.js';
import { type Tree, useTempDirectory } from '../../helpers/temp.js';

const temp = useTempDirectory();

async function diffOf(base: Tree, result: Tree, options = {}, modes: Record<string, number> = {}): Promise<string> {
  for (const name of ['base', 'result', 'target']) rmSync(temp(name), { recursive: true, force: true });
  const sources = {
    base: await snapshotOf(temp('base'), base),
    result: await snapshotOf(temp('result'), result, modes),
  };
  cpSync(temp('base'), temp('target'), { recursive: true, verbatimSymlinks: true });
  return (await prepareCommit({ ...sources, target: temp('target') })).unifiedDiff(options);
}

/** Applies a patch with git, which defines its meaning. */
function gitApply(directory: string, patch: string): void {
  execFileSync('git', ['apply', '--whitespace=nowarn', '-'], {
    cwd: directory,
    input: patch,
    env: { PATH: process.env.PATH, GIT_CEILING_DIRECTORIES: temp('..') },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}

/** Directories alone are nothing to git. */
function files(directory: string): Record<string, string> {
  return Object.fromEntries(Object.entries(stateOf(directory)).filter(([, state]) => !state.startsWith('directory')));
}

describe('the unified diff', () => {
  it('reads as git has it', async () => {
    const diff = await diffOf(
      { 'a.txt': '1\n2\n3\n4\n5\n', gone: 'x\n', s: 'same\n' },
      { 'a.txt': '1\n2\nthree\n4\n5\n', new: 'y', s: 'same\n', l: 'link:s' },
      { context: 1 },
      { s: 0o755 },
    );
    expect(diff).toBe(`diff --git a/a.txt b/a.txt
--- a/a.txt
+++ b/a.txt
@@ -2,3 +2,3 @@
 2
-3
+three
 4
diff --git a/gone b/gone
deleted file mode 100644
--- a/gone
+++ /dev/null
@@ -1 +0,0 @@
-x
diff --git a/l b/l
new file mode 120000
--- /dev/null
+++ b/l
@@ -0,0 +1 @@
+s
\\ No newline at end of file
diff --git a/new b/new
new file mode 100644
--- /dev/null
+++ b/new
@@ -0,0 +1 @@
+y
\\ No newline at end of file
diff --git a/s b/s
old mode 100644
new mode 100755
`);
  });

  it('names binary and large files and shows none of them', async () => {
    const diff = await diffOf(
      {},
      { b: Buffer.from([0, 1, 2]), latin: Buffer.from([0xe9]), big: 'x'.repeat(2000) },
      { maxFileBytes: 1000 },
    );
    expect(diff).toContain('Binary files /dev/null and b/b differ');
    expect(diff).toContain('Binary files /dev/null and b/latin differ');
    expect(diff).toContain('Files /dev/null and b/big differ (2000 bytes, not shown)');
  });

  it('ends with a note where it gets too long', async () => {
    const diff = await diffOf({}, { a: 'x\n'.repeat(100), b: 'x\n'.repeat(100) }, { maxBytes: 500 });
    expect(diff.endsWith('… and 1 more changes, not shown\n')).toBe(true);
  });

  it('is not held up by texts that have nothing in common', async () => {
    const lines = (of: string) => Array.from({ length: 50_000 }, (_, i) => `${of}${i}`).join('\n');
    // Comparing all of it takes longer than the test has.
    const diff = await diffOf({ a: lines('a') }, { a: lines('b') }, { maxFileBytes: '2m' });
    gitApply(temp('target'), diff);
    expect(files(temp('target'))).toEqual(files(temp('result')));
  });

  it('is taken by git apply, whatever the texts and names are', async () => {
    const text = fc
      .array(
        fc.constantFrom('a', 'b', 'c', ' ', '', '\ttab', 'ü', '-- x', '+++ y', '@@ -1 +1 @@', '\\', 'x\r', '\u2028'),
        { maxLength: 12 },
      )
      .chain((lines) => fc.constantFrom(lines.join('\n'), `${lines.join('\n')}\n`));
    const name = fc.constantFrom(
      'a',
      'b c',
      'ü',
      'q"q',
      'tab\tx',
      'b\\s',
      'new\nline',
      '-rf',
      'd e/f',
      'd e/g h',
      '\u202e',
      '\x1b[31m',
    );
    const tree = fc.dictionary(name, text, { maxKeys: 6, noNullPrototype: true });
    const nested = (flat: Record<string, string>): Tree => {
      const made: Tree = {};
      for (const [path, content] of Object.entries(flat)) {
        const [first, second] = path.split('/') as [string, string?];
        if (second === undefined) made[first] = content;
        else ((made[first] ??= {}) as Tree)[second] = content;
      }
      return made;
    };
    await fc.assert(
      fc.asyncProperty(tree, tree, fc.integer({ min: 0, max: 3 }), async (base, result, context) => {
        const diff = await diffOf(nested(base), nested(result), { context });
        if (diff === '') return;
        if (context > 0) gitApply(temp('target'), diff);
        const heads = diff.split('\n').filter((line) => /^(diff|---|\+\+\+) /.test(line));
        // biome-ignore lint/suspicious/noControlCharactersInRegex: no control character may leave a name
        expect(heads.join('')).not.toMatch(/\x1b\[31m\/|\u202e\//);
        if (context > 0) expect(files(temp('target'))).toEqual(files(temp('result')));
      }),
      { numRuns: 120 },
    );
  }, 60_000);

  it('of texts that cost long to compare leaves the event loop free', async () => {
    const lines = (seed: number) => Array.from({ length: 40_000 }, (_, i) => `${(i * seed) % 7919}`).join('\n');
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const diff = await diffOf({ big: lines(31) }, { big: lines(17) });
    clearInterval(timer);
    expect(diff).toContain('@@ -1,40000 +1,40000 @@');
    // The comparison alone takes half a second and more.
    expect(turns).toBeGreaterThan(20);
  });
});
