/** Text and events of a sandbox in the dashboard. */
import { describe, expect, it } from 'vitest';
import { commandText } from '../../../src/dashboard/text/command-text.js';
import { bytes, duration, permissions, span } from '../../../src/dashboard/text/format.js';
import { OutputLog } from '../../../src/dashboard/text/output-log.js';
import { SafeTextStream, safeLine, safeText } from '../../../src/dashboard/text/safe-text.js';
import { parseUnifiedDiff } from '../../../src/dashboard/text/unified-diff.js';

describe('safe text', () => {
  it('shows what a terminal would act on, and what hides or reverses text', () => {
    expect(safeText('a\x1b]0;title\x07b')).toBe('a⟨ESC⟩]0;title⟨BEL⟩b');
    expect(safeText('\x1b[2J\x1b[Hgone')).toBe('⟨ESC⟩[2J⟨ESC⟩[Hgone');
    expect(safeText('ab\u202egnp.exe')).toBe('ab⟨U+202E⟩gnp.exe');
    expect(safeText('zero\u200bwidth\u2028line\ufeff')).toBe('zero⟨U+200B⟩width⟨U+2028⟩line⟨U+FEFF⟩');
    expect(safeText('c1\x9b31m\x7f\0')).toBe('c1⟨U+009B⟩31m⟨DEL⟩⟨NUL⟩');
    expect(safeText('lone\ud800 \u{e0041}')).toBe('lone⟨U+D800⟩ ⟨U+E0041⟩');
  });

  it('leaves text, tabs and newlines alone and drops nothing but colours', () => {
    expect(safeText('größe\t€ 漢字 😀\n')).toBe('größe\t€ 漢字 😀\n');
    expect(safeText('\x1b[1;31mred\x1b[0m')).toBe('red');
  });

  it('lets no line write over another', () => {
    expect(safeText('evil\rgood\r\nend')).toBe('evil\ngood\nend');
  });

  it('keeps a line a line', () => {
    expect(safeLine('a\nb\tc')).toBe('a⟨LF⟩b⟨TAB⟩c');
    expect(safeLine('x'.repeat(5000), 10)).toBe(`${'x'.repeat(10)}…`);
    expect(safeLine(undefined)).toBe('');
  });

  it('joins sequences that are cut by the end of a piece', () => {
    const stream = new SafeTextStream();
    const pieces = ['a\x1b', '[3', '1mb\r', '\nc\ud83d', '\ude00', '\x1b['];
    expect([...pieces.map((piece) => stream.push(piece)), stream.end()].join('')).toBe('ab\nc😀⟨ESC⟩[');
  });
});

describe('the output log', () => {
  it('keeps the end of whatever comes, and counts the rest', () => {
    const log = new OutputLog(10_000);
    let total = 0;
    for (let line = 0; line < 5000; line++) {
      const text = `line ${line}\n`;
      total += text.length;
      log.push(line % 2 ? 'stdout' : 'stderr', text);
    }
    const shown = log.blocks.map(({ text }) => text).join('');
    expect(shown.length).toBeLessThanOrEqual(10_000);
    expect(log.blocks.length).toBeLessThanOrEqual(200);
    expect(shown.endsWith('line 4999\n')).toBe(true);
    expect(log.omitted + shown.length).toBe(total);
  });

  it('looks at the end only of a piece that is longer than it keeps', () => {
    const log = new OutputLog(1000);
    log.push('stdout', 'before');
    log.push('stdout', 'x'.repeat(1_000_000));
    expect(log.blocks.reduce((sum, { text }) => sum + text.length, 0)).toBe(1000);
    expect(log.omitted).toBe(999_006);
  });
});

describe('a unified diff', () => {
  const diff = `diff --git a/x b/y.txt b/x b/y.txt
index 1..2 100644
--- a/x b/y.txt
+++ b/x b/y.txt
@@ -1,3 +1,3 @@
 same
--- a/old
+++ b/new
 end
diff --git a/fresh.txt b/fresh.txt
new file mode 100644
--- /dev/null
+++ b/fresh.txt
@@ -0,0 +1 @@
+\u202ehidden
\\ No newline at end of file
… and 3 more changes, not shown
`;

  it('is told apart by its counts, not by what its lines look like', () => {
    const [first, second] = parseUnifiedDiff(diff);
    expect(first).toMatchObject({ path: 'x b/y.txt', added: 1, removed: 1 });
    expect(first!.lines.map(({ kind, text, before, after }) => [kind, text, before, after])).toEqual([
      ['hunk', '@@ -1,3 +1,3 @@', undefined, undefined],
      ['same', 'same', 1, 1],
      ['del', '-- a/old', 2, undefined],
      ['add', '++ b/new', undefined, 2],
      ['same', 'end', 3, 3],
    ]);
    expect(second).toMatchObject({ path: 'fresh.txt', added: 1, removed: 0 });
    expect(second!.lines.map(({ text }) => text)).toEqual([
      'new file mode 100644',
      '@@ -0,0 +1 @@',
      '⟨U+202E⟩hidden',
      '\\ No newline at end of file',
      '… and 3 more changes, not shown',
    ]);
  });
});

describe('figures and commands', () => {
  it('are in units a person reads', () => {
    expect([0, 999, 1500, 12_000, 185_000, 7_800_000, 273_600_000].map(duration)).toEqual([
      '0 ms', '999 ms', '1.5 s', '12 s', '3 min 05 s', '2 h 10 min', '3 d 4 h',
    ]); // biome-ignore format: a table
    expect(span(-5)).toBe('0 s');
    expect([0, 1023, 1536, 512 * 1024 ** 2, undefined].map(bytes)).toEqual([
      '0 B',
      '1023 B',
      '1.5 KiB',
      '512 MiB',
      '–',
    ]);
    expect(permissions(0o754)).toBe('rwxr-xr--');
  });

  it('are shown as they would be typed', () => {
    expect(commandText(['/bin/sh', '-c', 'echo hi | wc'])).toBe('echo hi | wc');
    expect(commandText(['python3', '-c', "print('x')"])).toBe(`python3 -c 'print('\\''x'\\'')'`);
  });
});
