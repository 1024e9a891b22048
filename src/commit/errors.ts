import type { CommitErrorCode, RipcordErrorOptions } from '../base/errors.js';
import { FileError, messageOf, RipcordError } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';
import { errnoOf, hostFileError } from '../base/host-error.js';
import type { Refused } from '../workspace/refused.js';
import type { Flagged } from './review/flags.js';

/** A file of the target that changed since the sandbox began, so that its change cannot be made. */
export interface Conflict {
  path: string;
  reason: string;
}

/**
 * Thrown if a commit was not made, or could not be undone. `code` gives the reason. The target is unchanged unless
 * `hint` says otherwise.
 */
export class CommitError extends RipcordError {
  declare readonly code: CommitErrorCode;

  constructor(code: CommitErrorCode, message: string, options: RipcordErrorOptions = {}) {
    super(code, message, options);
  }
}

/** Thrown if files of the target changed since the sandbox began. Nothing was written. */
export class CommitConflictError extends CommitError {
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super('commit-conflict', `The target changed since the sandbox began: ${listed(conflicts)}`, {
      hint: 'The target must be the directory that the sandbox was seeded from. Run the task again on its current files, or merge the changes by hand.',
      details: { conflicts },
    });
    this.conflicts = conflicts;
  }
}

/** Thrown if a change can make programs run on the host and the caller did not allow it. Nothing was written. */
export class CommitFlaggedError extends CommitError {
  readonly flagged: readonly Flagged[];

  constructor(flagged: readonly Flagged[]) {
    super('commit-flagged', `These files can run programs on the host: ${listed(flagged)}`, {
      hint: 'Read them, then allow them by path (allow) or by rule (allowRules).',
      details: { flagged },
    });
    this.flagged = flagged;
  }
}

/** Thrown if a change must never be written to the target. Nothing was written. */
export class CommitRefusedError extends CommitError {
  readonly refused: readonly Refused[];

  constructor(refused: readonly Refused[]) {
    super('commit-refused', `Refused: ${listed(refused)}`, {
      hint: "Leave them out with ignore, or leave out everything of the kind with onRefused: 'report'.",
      details: { refused },
    });
    this.refused = refused;
  }
}

const MAX_SHOWN = 10;

function listed(problems: readonly { path: string; reason: string }[]): string {
  const shown = problems.slice(0, MAX_SHOWN).map(({ path, reason }) => `${printable(path)} (${reason})`);
  const more = problems.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Returns `error` as a FileError about `path`, without the `/proc/self/fd` path of the system call. */
export function commitFileError(error: unknown, doing: string, path: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || error instanceof RipcordError) return error;
  const wrapped = hostFileError(error, doing, path);
  if (!(wrapped instanceof FileError)) return wrapped;
  const reason = messageOf(error).split(',')[0];
  return new FileError(wrapped.code, `Cannot ${doing} ${printable(path)}: ${reason}`, {
    path,
    errno,
    cause: error,
  });
}
