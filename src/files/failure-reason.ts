/** Explains a failed file operation to its caller: the limit or rule it met, and the way round. */
import { posix } from 'node:path';
import type { FileErrorCode } from '../errors.js';

export interface FailureReason {
  reason?: string;
  hint?: string;
  /** Replaces the code that the errno alone gives. */
  code?: FileErrorCode;
}

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
      if (text === 'between two file systems') {
        return {
          reason: `${argv[2]} lies on another file system`,
          hint: 'Copy it there with a command, and remove the original.',
          code: 'file-error',
        };
      }
      return { reason: 'it leads out of the workspace by a link or by ..', hint: 'Give the path it leads to.' };
    case 'ELOOP':
      return { reason: 'too many symbolic links, or a link that leads to itself' };
    case 'ENOSPC':
      return noSpace(path);
    case 'EROFS':
      return { reason: 'the file system is read-only', hint: writableHint(path) };
    default:
      return {};
  }
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
