import type { CommitErrorCode, RipcordErrorOptions } from '../base/errors.js';
import { FileError, messageOf, RipcordError } from '../base/errors.js';
import { errnoOf, hostFileError } from '../base/host-error.js';
import { printable } from '../base/printable.js';
import type { Refused } from '../workspace/refused.js';
import type { Flagged } from './review/flags.js';

/** A file of the target that is not as the sandbox began with it, so that its change cannot be made. */
export interface Conflict {
  path: string;
  reason: string;
}

/** A commit did not happen, or could not be undone. `code` says which; the target is as `hint` says, else unchanged. */
export class CommitError extends RipcordError {
  constructor(code: CommitErrorCode, message: string, options: RipcordErrorOptions = {}) {
    super(code, message, options);
  }
}

/** Files of the target are not as the sandbox began with them; nothing was written. */
export class CommitConflictError extends CommitError {
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super('commit-conflict', `The target is not as the sandbox began: ${listed(conflicts)}`, {
      hint: 'The target has to be the directory the sandbox began with. Run the task again on its files as they are now, or bring the two together by hand.',
      details: { conflicts },
    });
    this.conflicts = conflicts;
  }
}

/** Files that make programs run on the host would change, and nobody allowed it; nothing was written. */
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

/** Something must not be written into the target at all; nothing was. */
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

/** `error` as a FileError about `path`, without the descriptor paths the call itself was made with. */
export function commitFileError(error: unknown, doing: string, path: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || error instanceof RipcordError) return error;
  const wrapped = hostFileError(error, doing, path);
  if (!(wrapped instanceof FileError)) return wrapped;
  const reason = messageOf(error).split(',')[0];
  return new FileError(wrapped.code as never, `Cannot ${doing} ${printable(path)}: ${reason}`, {
    path,
    errno,
    cause: error,
  });
}
