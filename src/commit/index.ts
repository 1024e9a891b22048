/**
 * Safe commit-back: bringing what a sandbox did into a directory of the host. {@link prepareCommit} compares three ways
 * and writes nothing; {@link applyCommit} makes all of the changes or none, whatever kills it; {@link recoverCommit}
 * puts right what a kill interrupted.
 */
export { applyCommit, type CommitReceipt } from './apply.js';
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
export { type CommitChange, CommitPlan, type CommitSources, prepareCommit, type Snapshot } from './plan.js';
export { type Recovery, readCommits, recoverCommit } from './recover.js';
export type { Flagged, FlagRule } from './review/flags.js';
export type { Displaced } from './undo.js';
