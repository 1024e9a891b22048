/** What the server answers, in the library's own types where it has them. */

import type { SandboxStats } from '../../agent/messages.js';
import type { SandboxReceipt } from '../../cleanup/receipt.js';
import type { CommandResult } from '../../command/outcome.js';
import type { ApprovalRequest } from '../../executor/commit/commit-types.js';
import type { DroppedEvent, RunEvent } from '../../executor/events.js';
import type { TaskStatus } from '../../executor/task/task-status.js';
import type { RunResult } from '../../executor/types.js';
import type { ManagerEvent } from '../../sandbox/events.js';
import type { PastCommand } from '../../server/commands/command-history.js';
import type { EntryKind } from '../../workspace/manifest.js';

export type { CommandResult, ManagerEvent, PastCommand, RunEvent, SandboxReceipt, TaskStatus };

export interface SandboxView {
  id: string;
  image: string;
  /** ISO 8601. */
  createdAt: string;
  endsAt: string;
  /** `memory` in bytes. */
  limits: { memory: number; cpus: number; pids: number };
  state: string;
  /** Which task's it is. */
  task?: string;
  labels?: Record<string, string>;
  /** Times in milliseconds since 1970. */
  lastCommand?: {
    argv: readonly string[];
    startedAt: number;
    endedAt?: number;
    outcome?: string;
    exitCode?: number | null;
  };
  stats?: Partial<SandboxStats>;
}

/** One in the background, with the head and tail of its output. */
export interface CommandView {
  id: string;
  command: string | readonly string[];
  startedAt: string;
  running: boolean;
  result?: CommandResult;
  stdout: string;
  stderr: string;
}

export interface FileEntry {
  path: string;
  kind: EntryKind;
  size: number;
  mode: number;
  mtimeMs: number;
  linkTarget?: string;
}

export type TaskView = TaskStatus & { spec: string; awaitsApproval: boolean };
export type Approval = Omit<ApprovalRequest, 'diff' | 'signal'> & { diff: string };
export type ReceiptView = SandboxReceipt & { at?: number; image?: string };
export type TaskResult = RunResult<unknown, unknown, unknown, unknown>;
/** What comes in a task's stream; the server puts in when a commit waits for an answer. */
export type TaskStreamEvent = RunEvent | DroppedEvent | { type: 'approval.requested' | 'approval.answered' };
/** The last word of a task. */
export interface TaskEnd {
  type: 'completed' | 'aborted' | 'failed';
  result?: TaskResult;
  error?: string;
}
