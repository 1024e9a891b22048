/** The program that `ripcord run` put into the workspace is not a change that the sandbox made. */
import { createHash } from 'node:crypto';
import type { Change } from '../../workspace/diff.js';
import { type ChangeList, changeList } from '../../workspace/left-out.js';

export interface OwnProgram {
  /** Its place in the workspace. */
  path: string;
  content: string | Uint8Array;
  /** It is executable on this machine. */
  isExecutable: boolean;
}

/**
 * Leaves out the program while its content is unchanged, and the directories that hold nothing else. Of a program that changed
 * itself the permission to be executed stays out, if it is only there because Ripcord gave it.
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

/** Leaves out the new directories above `path` in which nothing else is. */
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
