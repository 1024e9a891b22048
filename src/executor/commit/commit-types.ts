/** The words of a commit as types: its request, its preparation, the approval and the report. */
import type { Awaitable } from '../../base/awaitable.js';
import type { Change } from '../../workspace/diff.js';
import type { Manifest } from '../../workspace/manifest.js';
import type { Refused } from '../../workspace/refused.js';

/** Everything a commit is made from. */
export interface CommitRequest {
  iteration: number;
  branch: number;
  /** The host directory. */
  target: string;
  /** The files that the run began with, and a copy of them (`undefined`: none). */
  base: { directory: string | undefined; manifest: Manifest };
  /** `base` are the target's own files, as they were when the run began. False: `seed` names another directory. */
  seedIsTarget: boolean;
  /** The accepted branch's files, and where they lie. */
  files: { directory: string; manifest: Manifest };
  /** From `base` to `files`. */
  changes: Change[];
  /** What could not leave the sandbox. */
  refused: Refused[];
  signal: AbortSignal;
}

/** Something in the way of a commit, or that somebody should look at. */
export interface CommitIssue {
  path: string;
  reason: string;
}

/** A note about a commit that was made. */
export interface Committed {
  /** The reason why {@link readCommits} will not know of it. */
  historyProblem?: string | undefined;
}

/** A commit that was looked into and not made yet. */
export interface PreparedCommit {
  /** The target is empty or does not exist: it receives the files of the seed, too. Default false. */
  withSeed?: boolean | undefined;
  /** The target's files are not as the run began with them. */
  conflicts: readonly CommitIssue[];
  /** Files that can run programs on the host: written only when allowed. */
  flagged: readonly CommitIssue[];
  /** What must not be written there at all. */
  refused: readonly CommitIssue[];
  /** The unified diff of the branch's changes, for people. */
  diff(): Promise<string>;
  /**
   * Wholly or not at all. What it resolves to is about a commit that is made.
   * @param allow Flagged files to write all the same: patterns in .gitignore syntax.
   * @throws RipcordError `commit-conflict`, `commit-flagged`, `commit-refused`: nothing was written.
   */
  apply(options: { allow: string[]; signal: AbortSignal }): Promise<Committed | void>;
}

/** How commits are made. */
export type Commit = (request: CommitRequest) => Promise<PreparedCommit>;

/** What `approve` is shown. */
export interface ApprovalRequest {
  iteration: number;
  branch: number;
  target: string;
  /** The changes of the branch. */
  changes: readonly Change[];
  /** The target is empty or does not exist: it receives the files of the seed, too. */
  withSeed: boolean;
  /** Files that can run programs on the host; without `allow` in the answer the commit is not made. */
  flagged: readonly CommitIssue[];
  diff(): Promise<string>;
  signal: AbortSignal;
}

/** `allow`: patterns of flagged files to write. `feedback` goes to the next iteration when it is not approved. */
export type Approval = boolean | { approve: boolean; allow?: string[]; feedback?: string };
export type Approve = (request: ApprovalRequest) => Awaitable<Approval>;

/** `skipped`: commitMode `never`. All but the first two are a rejection, and the loop goes on. */
export type CommitStatus = 'committed' | 'skipped' | 'conflict' | 'flagged' | 'refused' | 'declined';

export interface CommitReport {
  status: CommitStatus;
  branch: number;
  target: string | undefined;
  /** The changes of the branch. */
  changes: Change[];
  /** Only where it is so: the target was empty or did not exist, and received the files of the seed, too. */
  withSeed?: true | undefined;
  /** Why it was not made; empty when it was. */
  issues: readonly CommitIssue[];
  feedback: string | undefined;
  /** A way for a person to get the next one made. */
  hint?: string | undefined;
  /** The reason why {@link readCommits} will not know of a commit that was made. Undefined when the history has it. */
  historyProblem?: string | undefined;
}
