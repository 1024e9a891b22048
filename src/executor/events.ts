/** What a run tells while it goes on. */
import type { CommitReport } from './commit/commit-types.js';
import type { RecordedError } from './executor-error.js';
import type { BranchReport, Decision, IterationReport, RunStatus } from './types.js';

/** Where in the loop something happens. */
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

/** An event without the fields all of them have. `branch` counts from 1, and is missing where no branch is meant. */
export type RunEventBody =
  | { type: 'run.started'; task: unknown; resumedAt: number | undefined }
  | { type: 'iteration.started'; iteration: number }
  | { type: 'phase.changed'; iteration: number; branch?: number; phase: Phase }
  | { type: 'strategies'; iteration: number; strategies: readonly unknown[] }
  | { type: 'proposal'; iteration: number; branch: number; refinement: number; proposal: unknown }
  | { type: 'verification'; iteration: number; branch: number; refinement: number; verification: unknown }
  | { type: 'branch.ended'; iteration: number; branch: number; report: BranchReport<unknown, unknown, unknown> }
  | { type: 'decision'; iteration: number; decision: Decision }
  | { type: 'commit.requested'; iteration: number; branch: number; target: string; changes: number }
  | { type: 'commit.ended'; iteration: number; branch: number; commit: CommitReport }
  | { type: 'iteration.ended'; iteration: number; report: IterationReport<unknown, unknown, unknown> }
  | {
      type: 'output';
      iteration: number;
      branch: number;
      channel: 'stdout' | 'stderr';
      /** At most 4 KiB, without control sequences. */
      text: string;
      /** What is not in `text` of this piece. */
      omittedBytes: number;
    }
  | { type: 'log'; iteration: number; branch?: number; level: LogLevel; message: string; fields?: object }
  | {
      type: 'external';
      iteration: number;
      branch?: number;
      name: string;
      attempts: number;
      durationMs: number;
      error?: RecordedError;
    }
  | { type: 'error'; iteration: number; branch?: number; phase: Phase; error: RecordedError }
  | { type: 'aborted'; iteration: number; reason: string }
  | { type: 'completed'; status: RunStatus; finalOutput: string };

/** `at` is in milliseconds since 1970, `seq` counts a run's events from 1 without a gap. */
export type RunEvent = RunEventBody & { run: string; seq: number; at: number };

/** In a stream that was read too slowly: how many events are missing at this place. */
export interface DroppedEvent {
  type: 'dropped';
  run: string;
  /** Of type `output`; they are dropped first. */
  output: number;
  /** Of all other types. */
  other: number;
}
