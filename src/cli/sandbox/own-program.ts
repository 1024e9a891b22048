/** Leaves the program of `ripcord run` out of the changes, because the sandbox did not make it. */
import { createHash } from 'node:crypto';
import type { Change } from '../../workspace/diff.js';
import { type ChangeList, changeList } from '../../workspace/left-out.js';

export interface OwnProgram {
  /** Path in the workspace. */
  path: string;
  content: string | Uint8Array;
  /** True if the file is executable on this machine. */
  isExecutable: boolean;
}

/**
 * Leaves out the program if its content is unchanged, and the directories that hold nothing else. If the program changed
 * itself, only the execute permission that Ripcord added is left out.
 */
export function withoutProgram(changes: ChangeList, program: OwnProgram | undefined): ChangeList {
  if (program === undefined) return changes;
  const { path, isExecutable } = program;
  const sha256 = createHash('sha256').update(program.content).digest('hex');
  const left = changes.flatMap((change): Change[] => {
    const { after } = change;
    if (change.path !== path || after?.kind !== 'file') return [change];
    if (after.sha256 === sha256) return [];
    return [isExecutable ? change : { ...change, after: { ...after, mode: after.mode & ~0o111 } }];
  });
  const rest = left.length === changes.length ? left : withoutEmptied(left, path);
  const ignored = changes.ignored.filter((name) => name !== path);
  const ignoredCount = changes.ignoredCount - (changes.ignored.length - ignored.length);
  return changeList(rest, { ignored, ignoredCount });
}

/** Leaves out the new directories above `path` that hold nothing else. */
function withoutEmptied(changes: readonly Change[], path: string): Change[] {
  let rest = [...changes];
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const directory = path.slice(0, end);
    const own = rest.find((change) => change.path === directory && change.change === 'added');
    if (own === undefined || rest.some((change) => change.path.startsWith(`${directory}/`))) break;
    rest = rest.filter((change) => change !== own);
  }
  return rest;
}
