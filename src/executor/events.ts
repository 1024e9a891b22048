/** Events that a run emits. */
import type { CommitReport } from './commit/commit-types.js';
import type { RecordedError } from './executor-error.js';
import type { BranchReport, Decision, IterationReport, RunStatus } from './types.js';

/** Part of the loop in which an event happens. */
export type Phase =
  | 'strategize'
  | 'create'
  | 'propose'
  | 'snapshot'
  | 'verify'
  | 'refine'
  | 'decide'
  | 'approve'
  | 'commit'
  | 'remember'
  | 'base';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** An event without the fields that all events have. `branch` counts from 1 and is missing if the event is not about a branch. */
export type RunEventBody =
  /** The run began, or continued an earlier one. */
  | { type: 'run.started'; task: unknown; resumedAt: number | undefined }
  /** An iteration began. */
  | { type: 'iteration.started'; iteration: number }
  /** A branch, or the iteration, entered a phase. */
  | { type: 'phase.changed'; iteration: number; branch?: number; phase: Phase }
  /** Strategies were chosen: one for each branch. */
  | { type: 'strategies'; iteration: number; strategies: readonly unknown[] }
  /** A branch made a proposal. */
  | { type: 'proposal'; iteration: number; branch: number; refinement: number; proposal: unknown }
  /** A proposal was verified. */
  | { type: 'verification'; iteration: number; branch: number; refinement: number; verification: unknown }
  /** A branch ended. */
  | { type: 'branch.ended'; iteration: number; branch: number; report: BranchReport<unknown, unknown, unknown> }
  /** A branch was accepted, or feedback was given. */
  | { type: 'decision'; iteration: number; decision: Decision }
  /** A commit waits for `approve`. */
  | { type: 'commit.requested'; iteration: number; branch: number; target: string; changes: number }
  /** A commit was made, or was not. */
  | { type: 'commit.ended'; iteration: number; branch: number; commit: CommitReport }
  /** An iteration ended. */
  | { type: 'iteration.ended'; iteration: number; report: IterationReport<unknown, unknown, unknown> }
  /** A command wrote output. */
  | {
      type: 'output';
      iteration: number;
      branch: number;
      channel: 'stdout' | 'stderr';
      /** Output without control sequences, at most 4 KiB. */
      text: string;
      /** Number of bytes of this piece that `text` does not contain. */
      omittedBytes: number;
    }
  /** A function called `log()`. */
  | { type: 'log'; iteration: number; branch?: number; level: LogLevel; message: string; fields?: object }
  /** A call of `external()` ended. */
  | {
      type: 'external';
      iteration: number;
      branch?: number;
      name: string;
      attempts: number;
      durationMs: number;
      error?: RecordedError;
    }
  /** A branch or an iteration failed. */
  | { type: 'error'; iteration: number; branch?: number; phase: Phase; error: RecordedError }
  /** The signal fired. */
  | { type: 'aborted'; iteration: number; reason: string }
  /** The run ended. This is the last event. */
  | { type: 'completed'; status: RunStatus; finalOutput: string };

/** An event of a run. `at` is in milliseconds since 1970; `seq` counts the events of a run from 1 without a gap. */
export type RunEvent = RunEventBody & { run: string; seq: number; at: number };

/** Numbers of events missing at this place of a stream that was read too slowly. */
export interface DroppedEvent {
  type: 'dropped';
  run: string;
  /** Number of events of type `output`. They are dropped first. */
  output: number;
  /** Number of events of all other types. */
  other: number;
}
