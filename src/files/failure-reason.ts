/** Explains a failed file operation to its caller: the limit or rule that it hit, and how to avoid it. */
import { posix } from 'node:path';
import type { FileErrorCode } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';

interface FailureReason {
  reason?: string;
  hint?: string;
  /** Error code that replaces the one derived from the errno. */
  code?: FileErrorCode;
}

/** Verbs for operations, used after "Cannot". */
const DOING: Record<string, string> = {
  mkdir: 'make the directory',
  untar: 'unpack into',
  tar: 'pack',
  manifest: 'compare',
};

/** Returns the operation with the paths that the caller gave: `Cannot rename /workspace/a to /workspace/b`. */
export function describeOperation([operation = '', path = '', other = '']: readonly string[]): string {
  const to = operation === 'rename' ? ` to ${printable(other)}` : '';
  return `Cannot ${DOING[operation] ?? operation} ${printable(path)}${to}`;
}

/** The agent's text for a rename across file systems. */
export const ACROSS_FILE_SYSTEMS = 'between two file systems';

/** Agent texts that explain more than the errno. Its other texts are names of steps (`open`, `stat` …). */
const EXPLANATORY =
  /regular file|link leads|path leads|hard link|without a name|neither a file|symbolic links|ended early|while it was|could not undo|must be absolute|not a (number|mode)|no such file operation/;

const PARENTS = 'parents: true creates the directories above it.';

/** Hints that name an option of the same call. */
const OPTION_HINTS: Record<string, Record<string, string>> = {
  ENOTEMPTY: { remove: 'recursive: true removes the directory with all of its entries.' },
  EEXIST: {
    mkdir: 'parents: true accepts an existing directory.',
    rename: 'overwrite: true replaces the existing entry.',
    write: 'exclusive: false replaces the existing file.',
  },
  ENOENT: {
    remove: 'force: true ignores a missing path.',
    mkdir: PARENTS,
    write: PARENTS,
    rename: PARENTS,
  },
  EISDIR: { read: 'List it, or copy the whole directory: files.download(), files.readArchive().' },
};

/** Positions of an operation's limits in its arguments. */
const LIMITS: Record<string, { maxBytes?: number; maxEntries?: number }> = {
  read: { maxBytes: 3 },
  list: { maxEntries: 3 },
  tar: { maxBytes: 2, maxEntries: 3 },
  untar: { maxBytes: 2, maxEntries: 3 },
  manifest: { maxBytes: 2, maxEntries: 3 },
};

/** File systems with their own size, and the option that sets it. */
const SIZED = [
  ['/workspace', 'limits.workspace'],
  ['/home/sandbox', 'limits.home'],
  ['/tmp', 'limits.tmp'],
] as const;

/**
 * Returns reason, hint and code for an errno. Empty if the errno's own text is enough.
 * @param text The agent's description of the failed step.
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
      if (text === ACROSS_FILE_SYSTEMS) {
        return {
          reason: `${argv[2]} lies on another file system`,
          hint: 'Copy it with a command, then remove the original.',
          code: 'file-error',
        };
      }
      return { reason: 'it leads out of the workspace through a link or ..', hint: 'Use the path that it leads to.' };
    case 'EINVAL':
      if (operation === 'rename' && argv[2]?.startsWith(`${path}/`)) {
        return { reason: 'a directory cannot be moved into itself', code: 'file-error' };
      }
      return explanation(text);
    case 'ELOOP':
      return { reason: 'too many symbolic links, or a link that leads to itself' };
    case 'ENOSPC':
      return noSpace(path);
    case 'EROFS':
      return { reason: 'the file system is read-only', hint: writableHint(path) };
    default:
      return { ...explanation(text), ...optionHint(argv, errno) };
  }
}

const explanation = (text: string): FailureReason => (EXPLANATORY.test(text) ? { reason: printable(text) } : {});

function optionHint(argv: readonly string[], errno: string): FailureReason {
  const [operation = ''] = argv;
  const hint = OPTION_HINTS[errno]?.[operation];
  // A call with `parents` has created the directories, so another path is missing.
  return hint === undefined || (hint === PARENTS && hasParents(argv)) ? {} : { hint };
}

/** Returns true if the operation has the `parents` option. `write` has it as a bit of its flags. */
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
  if (isBelow(posix.normalize(path), '/workspace')) return 'The workspace was created with readOnly: true.';
  return "Write below /workspace, /tmp or the HOME directory, or create the sandbox with rootfs: 'writable'.";
}

function noSpace(path: string): FailureReason {
  const absolute = posix.normalize(path);
  const found = SIZED.find(([directory]) => isBelow(absolute, directory));
  if (!found) return { reason: 'no space is left' };
  const [directory, option] = found;
  return { reason: `${directory} is full`, hint: `Raise ${option} (bytes) or limits.files (number of files).` };
}
