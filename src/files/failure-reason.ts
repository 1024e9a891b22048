/** Explains a failed file operation to its caller: the limit or rule it met, and the way round. */
import { posix } from 'node:path';
import type { FileErrorCode } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';

interface FailureReason {
  reason?: string;
  hint?: string;
  /** Replaces the code that the errno alone gives. */
  code?: FileErrorCode;
}

/** Words for operations, to stand after "Cannot". */
const DOING: Record<string, string> = {
  mkdir: 'make the directory',
  untar: 'unpack into',
  tar: 'pack',
  manifest: 'compare',
};

/** `Cannot rename /workspace/a to /workspace/b`: the operation with the paths it was asked for. */
export function describeOperation([operation = '', path = '', other = '']: readonly string[]): string {
  const to = operation === 'rename' ? ` to ${printable(other)}` : '';
  return `Cannot ${DOING[operation] ?? operation} ${printable(path)}${to}`;
}

/** The agent's word for a rename that is none. */
export const BETWEEN = 'between two file systems';

/** The agent's words that say more than the errno. Its other words are names of steps (`open`, `stat` …). */
const TELLING =
  /regular file|link leads|path leads|hard link|without a name|neither a file|symbolic links|ended early|while it was|could not undo|must be absolute|not a (number|mode)|no such file operation/;

const PARENTS = 'parents: true makes the directories above it.';

/** The way round that an option of the same call offers. */
const WAYS_ROUND: Record<string, Record<string, string>> = {
  ENOTEMPTY: { remove: 'recursive: true removes it with all that is in it.' },
  EEXIST: {
    mkdir: 'parents: true takes one that is there.',
    rename: 'overwrite: true replaces what is there.',
    write: 'exclusive: false writes over what is there.',
  },
  ENOENT: {
    remove: 'force: true takes it for removed.',
    mkdir: PARENTS,
    write: PARENTS,
    rename: PARENTS,
  },
  EISDIR: { read: 'List it, or take the whole directory: files.download(), files.readArchive().' },
};

/** The positions of an operation's limits in its arguments. */
const LIMITS: Record<string, { maxBytes?: number; maxEntries?: number }> = {
  read: { maxBytes: 3 },
  list: { maxEntries: 3 },
  tar: { maxBytes: 2, maxEntries: 3 },
  untar: { maxBytes: 2, maxEntries: 3 },
  manifest: { maxBytes: 2, maxEntries: 3 },
};

/** The file systems with a size of their own, and the option that sets it. */
const SIZED = [
  ['/workspace', 'limits.workspace'],
  ['/home/sandbox', 'limits.home'],
  ['/tmp', 'limits.tmp'],
] as const;

/**
 * An errno that needs no more than its own text has no entry.
 * @param text what the agent was doing
 */
export function failureReason(argv: readonly string[], errno: string, text: string): FailureReason {
  const [operation = '', path = ''] = argv;
  const limits = LIMITS[operation] ?? {};
  switch (errno) {
    case 'EFBIG':
      return tooLarge(operation, argv[limits.maxBytes ?? -1]);
    case 'E2BIG':
      return {
        reason: `it has more than ${argv[limits.maxEntries ?? -1]} entries (maxEntries)`,
        hint: operation === 'list' ? 'Raise maxEntries, or list fewer levels (depth).' : 'Raise maxEntries.',
      };
    case 'EXDEV':
      if (text === BETWEEN) {
        return {
          reason: `${argv[2]} lies on another file system`,
          hint: 'Copy it there with a command, and remove the original.',
          code: 'file-error',
        };
      }
      return { reason: 'it leads out of the workspace by a link or by ..', hint: 'Give the path it leads to.' };
    case 'EINVAL':
      if (operation === 'rename' && argv[2]?.startsWith(`${path}/`)) {
        return { reason: 'a directory cannot go into itself', code: 'file-error' };
      }
      return telling(text);
    case 'ELOOP':
      return { reason: 'too many symbolic links, or a link that leads to itself' };
    case 'ENOSPC':
      return noSpace(path);
    case 'EROFS':
      return { reason: 'the file system is read-only', hint: writableHint(path) };
    default:
      return { ...telling(text), ...wayRound(argv, errno) };
  }
}

const telling = (text: string): FailureReason => (TELLING.test(text) ? { reason: printable(text) } : {});

function wayRound(argv: readonly string[], errno: string): FailureReason {
  const [operation = ''] = argv;
  const hint = WAYS_ROUND[errno]?.[operation];
  // A call with `parents` has made the directories, so something else is missing.
  return hint === undefined || (hint === PARENTS && hasParents(argv)) ? {} : { hint };
}

/** `write` has it among its flags. */
function hasParents([operation, , , third, fourth]: readonly string[]): boolean {
  if (operation === 'mkdir') return third === '1';
  return operation === 'write' ? (Number(fourth) & 1) === 1 : fourth === '1';
}

function tooLarge(operation: string, maxBytes: string | undefined): FailureReason {
  if (maxBytes === undefined || maxBytes === '-1') return {};
  if (operation === 'read') {
    return {
      reason: `it has more than ${maxBytes} bytes (maxBytes)`,
      hint: 'Raise maxBytes, or read it as a stream: files.readStream().',
    };
  }
  return { reason: `the files have more than ${maxBytes} bytes in all (maxBytes)`, hint: 'Raise maxBytes.' };
}

const isBelow = (path: string, directory: string): boolean => path === directory || path.startsWith(`${directory}/`);

function writableHint(path: string): string {
  if (isBelow(posix.normalize(path), '/workspace')) return 'The workspace was asked for with readOnly: true.';
  return "Write below /workspace, /tmp or the HOME directory, or create the sandbox with rootfs: 'writable'.";
}

function noSpace(path: string): FailureReason {
  const absolute = posix.normalize(path);
  const found = SIZED.find(([directory]) => isBelow(absolute, directory));
  if (!found) return { reason: 'no space is left' };
  const [directory, option] = found;
  return { reason: `${directory} is full`, hint: `Raise ${option} (bytes) or limits.files (number of files).` };
}
