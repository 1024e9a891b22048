/**
 * Safe commit-back: transfers the changes of a sandbox into a directory of the host. {@link prepareCommit} compares
 * three ways and writes nothing. {@link applyCommit} is atomic: all changes are made or none, even if the process is
 * killed. {@link recoverCommit} repairs a target whose commit was interrupted.
 */
export { applyCommit, type CommitReceipt } from './apply.js';
export type { CommitChange } from './commit-change.js';
export {
  CommitConflictError,
  CommitError,
  CommitFlaggedError,
  CommitRefusedError,
  type Conflict,
} from './errors.js';
export type { CommitState, JournalEntry } from './journal.js';
export type {
  ApplyCommitOptions,
  CommitOptions,
  PrepareCommitOptions,
  RecoverOptions,
  UnifiedDiffOptions,
} from './options.js';
export { CommitPlan, type CommitSources, prepareCommit, type Snapshot } from './plan.js';
export { type Recovery, readCommits, recoverCommit } from './recover.js';
export type { Flagged, FlagRule } from './review/flags.js';
export type { Displaced } from './undo.js';
