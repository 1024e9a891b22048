/** Shows a diff for review. */
import { useMemo, useState } from 'preact/hooks';
import { plural } from '../text/format.js';
import { type DiffFile, type DiffLine, parseUnifiedDiff } from '../text/unified-diff.js';

/** Number of lines of one file to show at first, and to add with each click. */
const LINES = 500;
const OPEN_FILES = 20;

export function DiffView({ diff }: { diff: string }) {
  const files = useMemo(() => parseUnifiedDiff(diff), [diff]);
  if (files.length === 0) return <p class="muted">No file's content changes.</p>;
  return (
    <div class="diff">
      {files.map((file, index) => (
        <File key={`${index}:${file.path}`} file={file} open={index < OPEN_FILES} />
      ))}
    </div>
  );
}

function File({ file, open }: { file: DiffFile; open: boolean }) {
  const [shown, setShown] = useState(LINES);
  const [opened, setOpened] = useState(open);
  const left = file.lines.length - shown;
  return (
    <details open={open} onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary>
        <bdi class="path">{file.path || 'changes'}</bdi>
        <span class="counts">
          <span class="added">+{file.added}</span> <span class="removed">−{file.removed}</span>
        </span>
      </summary>
      {opened && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable element must be reachable with the keyboard
        <section class="diff-lines" tabIndex={0} aria-label={`Changes of ${file.path}`}>
          <table>
            <tbody>
              {file.lines.slice(0, shown).map((line, index) => (
                <Line key={index} line={line} />
              ))}
            </tbody>
          </table>
          {left > 0 && (
            <button type="button" class="diff-more" onClick={() => setShown(shown + LINES * 4)}>
              Show more ({plural(left, 'line')} left)
            </button>
          )}
        </section>
      )}
    </details>
  );
}

const SIGNS: Record<DiffLine['kind'], string> = { add: '+', del: '−', same: ' ', hunk: ' ', note: ' ' };

function Line({ line }: { line: DiffLine }) {
  return (
    <tr class={line.kind}>
      <td class="number">{line.before}</td>
      <td class="number">{line.after}</td>
      <td class="code">
        <span class="diff-sign">{SIGNS[line.kind]}</span>
        {line.text}
      </td>
    </tr>
  );
}
