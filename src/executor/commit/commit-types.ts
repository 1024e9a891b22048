/** Types of a commit: its request, its preparation, the approval and the report. */
import type { Awaitable } from '../../base/awaitable.js';
import type { Change } from '../../workspace/diff.js';
import type { Manifest } from '../../workspace/manifest.js';
import type { Refused } from '../../workspace/refused.js';

/** Input of a commit. */
export interface CommitRequest {
  iteration: number;
  branch: number;
  /** Path of the host directory to commit to. */
  target: string;
  /** Files that the run began with: their manifest and the directory with a copy of them (undefined if there are none). */
  base: { directory: string | undefined; manifest: Manifest };
  /** True if `base` has the files of the target itself, as they were when the run began. False if `seed` is another directory. */
  seedIsTarget: boolean;
  /** Files of the accepted branch: their manifest and their directory. */
  files: { directory: string; manifest: Manifest };
  /** Changes from `base` to `files`. */
  changes: Change[];
  /** Entries that could not leave the sandbox. */
  refused: Refused[];
  signal: AbortSignal;
}

/** A path that blocks a commit or needs a review, and the reason. */
export interface CommitIssue {
  path: string;
  reason: string;
}

/** A note about a commit that was made. */
export interface Committed {
  /** Reason why the commit is missing from {@link readCommits}. */
  historyProblem?: string | undefined;
}

/** A commit that was checked and not written yet. */
export interface PreparedCommit {
  /** True if the target is empty or does not exist: it also receives the files of the seed. Default false. */
  withSeed?: boolean | undefined;
  /** Files of the target that changed since the run began. */
  conflicts: readonly CommitIssue[];
  /** Files that can run programs on the host. They are written only if allowed. */
  flagged: readonly CommitIssue[];
  /** Entries that must never be written to the target. */
  refused: readonly CommitIssue[];
  /** Returns the unified diff of the branch's changes, for a person to read. */
  diff(): Promise<string>;
  /**
   * Writes the commit atomically: all of it or nothing. Resolves once it is made.
   * @param allow Flagged files to write anyway: patterns in .gitignore syntax.
   * @throws RipcordError `commit-conflict`, `commit-flagged`, `commit-refused`; nothing was written.
   */
  apply(options: { allow: string[]; signal: AbortSignal }): Promise<Committed | void>;
}

/** Prepares a commit. */
export type Commit = (request: CommitRequest) => Promise<PreparedCommit>;

/** Argument of `approve`: the commit to decide about. */
export interface ApprovalRequest {
  iteration: number;
  branch: number;
  target: string;
  /** Changes of the branch. */
  changes: readonly Change[];
  /** True if the target is empty or does not exist: it also receives the files of the seed. */
  withSeed: boolean;
  /** Files that can run programs on the host. If `allow` of the answer does not match them, the commit is not made. */
  flagged: readonly CommitIssue[];
  diff(): Promise<string>;
  signal: AbortSignal;
}

/** Answer of `approve`. `allow`: patterns of flagged files to write. `feedback` goes to the next iteration if it is not approved. */
export type Approval = boolean | { approve: boolean; allow?: string[]; feedback?: string };
export type Approve = (request: ApprovalRequest) => Awaitable<Approval>;

/** Status of a commit. `skipped`: commitMode is `never`. All but the first two reject the branch, and the loop continues. */
export type CommitStatus = 'committed' | 'skipped' | 'conflict' | 'flagged' | 'refused' | 'declined';

export interface CommitReport {
  status: CommitStatus;
  branch: number;
  target: string | undefined;
  /** Changes of the branch. */
  changes: Change[];
  /** True if the target was empty or did not exist and also received the files of the seed. Otherwise unset. */
  withSeed?: true | undefined;
  /** Reasons why the commit was not made. Empty if it was made. */
  issues: readonly CommitIssue[];
  feedback: string | undefined;
  /** Advice for a person: how the next commit can succeed. */
  hint?: string | undefined;
  /** Reason why a commit that was made is missing from {@link readCommits}. Undefined if the history has it. */
  historyProblem?: string | undefined;
}
