/** State of a task, updated from its events. A status line shows it. */
import { describe } from '../describe.js';
import type { Phase, RunEvent } from '../events.js';
import type { BranchStatus, RunStatus } from '../types.js';

export interface BranchProgress {
  branch: number;
  strategy: string;
  /** Phase of the branch. `waiting`: it waits for a concurrency slot. */
  phase: Phase | 'waiting' | BranchStatus;
  /** Start of the phase, in milliseconds since 1970. */
  since: number;
  /** Last line of output. */
  lastOutput: string;
}

export interface TaskStatus {
  id: string;
  /** State of the task. `failed`: it could not begin; `error` has the reason, and `result` rejects. */
  state: 'running' | 'aborting' | RunStatus | 'failed';
  startedAt: number;
  endedAt: number | undefined;
  iteration: number;
  /** Phase of the iteration as a whole, such as `decide`. Branches have their own. */
  phase: Phase | undefined;
  branches: BranchProgress[];
  finalOutput: string | undefined;
  error: string | undefined;
}

export function newStatus(id: string): TaskStatus {
  return {
    id,
    state: 'running',
    startedAt: Date.now(),
    endedAt: undefined,
    iteration: 0,
    phase: undefined,
    branches: [],
    finalOutput: undefined,
    error: undefined,
  };
}

/** Updates the status with one event. */
export function applyEvent(status: TaskStatus, event: RunEvent): void {
  switch (event.type) {
    case 'iteration.started':
      status.iteration = event.iteration;
      status.phase = undefined;
      status.branches = [];
      return;
    case 'strategies':
      status.branches = event.strategies.map((strategy, index) => ({
        branch: index + 1,
        strategy: describe(strategy),
        phase: 'waiting',
        since: event.at,
        lastOutput: '',
      }));
      return;
    case 'phase.changed':
      if (event.branch === undefined) status.phase = event.phase;
      else enter(status.branches[event.branch - 1], event.phase, event.at);
      return;
    case 'branch.ended':
      enter(status.branches[event.branch - 1], event.report.status, event.at);
      return;
    case 'output': {
      const branch = status.branches[event.branch - 1];
      const line = event.text.trimEnd().split('\n').at(-1);
      if (branch && line) branch.lastOutput = line.slice(0, 200);
      return;
    }
    case 'completed':
      status.state = event.status;
      status.endedAt = event.at;
      status.finalOutput = event.finalOutput;
      return;
    default:
  }
}

function enter(branch: BranchProgress | undefined, phase: BranchProgress['phase'], at: number): void {
  if (!branch) return;
  branch.phase = phase;
  branch.since = at;
}
