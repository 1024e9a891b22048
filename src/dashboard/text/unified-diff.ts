/** Parses a unified diff into lines to show, file by file. */
import { safeLine } from './safe-text.js';

type LineKind = 'add' | 'del' | 'hunk' | 'note' | 'same';

export interface DiffLine {
  kind: LineKind;
  text: string;
  /** Line numbers before and after the change; unset on a side that does not have the line. */
  before?: number;
  after?: number;
}

export interface DiffFile {
  /** Path from the header. */
  path: string;
  added: number;
  removed: number;
  lines: DiffLine[];
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;
const LONGEST_LINE = 2000;

export function parseUnifiedDiff(diff: string): DiffFile[] {
  const files: DiffFile[] = [];
  let file: DiffFile | undefined;
  let left = { before: 0, after: 0 };
  let at = { before: 0, after: 0 };
  const begin = (path: string) => {
    file = { path: safeLine(path), added: 0, removed: 0, lines: [] };
    files.push(file);
  };
  const lines = diff.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const [index, line] of lines.entries()) {
    // Inside a hunk a line that looks like a header is content: the counts determine the end of the hunk.
    if (file && (left.before > 0 || left.after > 0) && !line.startsWith('\\')) {
      const text = safeLine(line.slice(1), LONGEST_LINE);
      if (line.startsWith('+')) {
        file.added++;
        left.after--;
        file.lines.push({ kind: 'add', text, after: at.after++ });
      } else if (line.startsWith('-')) {
        file.removed++;
        left.before--;
        file.lines.push({ kind: 'del', text, before: at.before++ });
      } else {
        left.before--;
        left.after--;
        file.lines.push({ kind: 'same', text, before: at.before++, after: at.after++ });
      }
      continue;
    }
    const hunk = HUNK.exec(line);
    if (hunk && file) {
      left = { before: Number(hunk[2] ?? 1), after: Number(hunk[4] ?? 1) };
      at = { before: Number(hunk[1]), after: Number(hunk[3]) };
      file.lines.push({ kind: 'hunk', text: safeLine(line) });
    } else if (line.startsWith('diff ')) {
      begin(headerPath(line.replace(/^diff --git /, '')));
    } else if (line.startsWith('--- ')) {
      const next = lines[index + 1] ?? '';
      const name = next.startsWith('+++ /dev/null') ? line.slice(4) : next.slice(4);
      if (!file || file.lines.some(({ kind }) => kind === 'hunk')) begin(name.replace(/^[ab]\//, ''));
    } else if (!line.startsWith('+++ ') && !line.startsWith('index ')) {
      if (!file) begin('');
      if (line !== '') file!.lines.push({ kind: 'note', text: safeLine(line) });
    }
  }
  return files;
}

/** Returns `P` for `a/P b/P`. It splits by length, because `P` may contain anything, even ` b/`. */
function headerPath(names: string): string {
  const half = names.slice(0, (names.length - 1) / 2);
  return half.replace(/^"?a\//, '').replace(/"$/, '') || names;
}
