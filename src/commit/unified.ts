/** Formats changes as text, as `git diff` does. `git apply` and `patch -p1` accept it. */
import { isUtf8 } from 'node:buffer';
import { throwIfAborted } from '../base/abort.js';
import type { ManifestEntry } from '../workspace/manifest.js';
import type { CommitChange } from './commit-change.js';
import { LineDiff } from './line-diff.js';
import { readSnapshotFile } from './snapshot.js';

interface UnifiedOptions {
  context: number;
  maxFileBytes: number;
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/** Returns the diff. Files that are binary, too large or without a known base are named only. */
export async function unifiedDiff(
  changes: readonly CommitChange[],
  sources: { base: string | undefined; result: string },
  options: UnifiedOptions,
): Promise<string> {
  const parts: string[] = [];
  let length = 0;
  let shown = 0;
  await using compared = new LineDiff();
  for (const change of changes) {
    throwIfAborted(options.signal, 'comparing the next file');
    for (const side of sidesOf(change)) {
      const part = await describeChange(side, sources, options, compared);
      length += part.length;
      if (length > options.maxBytes) {
        return `${parts.join('')}… and ${changes.length - shown} more changes, not shown\n`;
      }
      parts.push(part);
    }
    shown += 1;
  }
  return parts.join('');
}

type Sides = Pick<CommitChange, 'path' | 'binary'> & { before?: ManifestEntry; after?: ManifestEntry };

/** Splits a change of kind into a deletion and an addition, as git does. Directories are left out. */
function sidesOf({ path, binary, before, after }: CommitChange): Sides[] {
  const was = before?.kind === 'directory' ? undefined : before;
  const is = after?.kind === 'directory' ? undefined : after;
  if (was === undefined && is === undefined) return [];
  if (was === undefined || is === undefined || was.kind === is.kind) return [{ path, binary, before: was, after: is }];
  return [
    { path, binary, before: was },
    { path, binary, after: is },
  ];
}

async function describeChange(
  sides: Sides,
  sources: { base: string | undefined; result: string },
  options: UnifiedOptions,
  compared: LineDiff,
): Promise<string> {
  const { path, before, after } = sides;
  const header = [`diff --git ${quoted(`a/${path}`)} ${quoted(`b/${path}`)}`, ...modeLines(before, after)];
  const text = (lines: string[]) => `${[...header, ...lines].join('\n')}\n`;
  if (before?.sha256 !== undefined && before.sha256 === after?.sha256) return text([]);

  const names = [
    before === undefined ? '/dev/null' : quoted(`a/${path}`),
    after === undefined ? '/dev/null' : quoted(`b/${path}`),
  ] as const;
  const larger = Math.max(before?.size ?? 0, after?.size ?? 0);
  if (larger > options.maxFileBytes) return text([`Files ${names.join(' and ')} differ (${larger} bytes, not shown)`]);
  const old = await contentOf(before, path, sources.base);
  const fresh = await contentOf(after, path, sources.result);
  if (sides.binary || !isText(old) || !isText(fresh)) return text([`Binary files ${names.join(' and ')} differ`]);
  const hunks = await hunksOf(compared, old.toString('utf8'), fresh.toString('utf8'), options.context);
  return text(hunks === '' ? [] : [`--- ${withTab(names[0])}`, `+++ ${withTab(names[1])}`, hunks]);
}

function modeLines(before: ManifestEntry | undefined, after: ManifestEntry | undefined): string[] {
  if (before === undefined) return [`new file mode ${gitMode(after!)}`];
  if (after === undefined) return [`deleted file mode ${gitMode(before)}`];
  const modes = [gitMode(before), gitMode(after)] as const;
  return modes[0] === modes[1] ? [] : [`old mode ${modes[0]}`, `new mode ${modes[1]}`];
}

function gitMode({ kind, mode }: ManifestEntry): string {
  if (kind === 'link') return '120000';
  return (mode & 0o100) === 0 ? '100644' : '100755';
}

async function contentOf(
  entry: ManifestEntry | undefined,
  path: string,
  directory: string | undefined,
): Promise<Buffer | undefined> {
  if (entry === undefined) return Buffer.alloc(0);
  if (entry.kind === 'link') return Buffer.from(entry.linkTarget ?? '');
  return directory === undefined ? undefined : readSnapshotFile(directory, path, entry);
}

function isText(content: Buffer | undefined): content is Buffer {
  return content !== undefined && isUtf8(content) && !content.includes(0);
}

/**
 * Returns the hunks. If the texts cannot be compared, one hunk replaces the whole text, which is also a correct patch.
 */
async function hunksOf(compared: LineDiff, old: string, fresh: string, context: number): Promise<string> {
  return (await compared.hunks(old, fresh, context)) ?? replaced(old, fresh);
}

function replaced(old: string, fresh: string): string {
  const [minus, plus] = [signed('-', old), signed('+', fresh)];
  const header = `@@ -${minus.range} +${plus.range} @@`;
  return [header, minus.text, plus.text].filter((text) => text !== '').join('\n');
}

const NO_NEWLINE = '\n\\ No newline at end of file';

/**
 * Returns every line with `mark` before it, and the range of a hunk with all lines. Works on strings, because there may
 * be a million lines.
 */
function signed(mark: string, text: string): { text: string; range: string } {
  if (text === '') return { text: '', range: '0,0' };
  const isEnded = text.endsWith('\n');
  const lines = isEnded ? text.slice(0, -1) : text;
  const marked = mark + lines.replaceAll('\n', `\n${mark}`);
  const count = marked.length - lines.length;
  return { text: isEnded ? marked : marked + NO_NEWLINE, range: count === 1 ? '1' : `1,${count}` };
}

/** Appends a tab to a name with a space, as git does, because some readers end the name at a space. */
function withTab(name: string): string {
  return name.includes(' ') && !name.startsWith('"') ? `${name}\t` : name;
}

const ESCAPES: Record<string, string> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

/** Quotes names with control or non-ASCII characters, as git does. */
function quoted(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (!/[\x00-\x1f\x7f-\uffff"\\]/.test(name)) return name;
  let out = '';
  for (const byte of Buffer.from(name)) {
    const character = String.fromCharCode(byte);
    if (ESCAPES[character] !== undefined) out += ESCAPES[character];
    else out += byte < 0x20 || byte >= 0x7f ? `\\${byte.toString(8).padStart(3, '0')}` : character;
  }
  return `"${out}"`;
}
