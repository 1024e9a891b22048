/** Where a task is, kept up to date from its events: what a status line shows. */
import { describe } from '../describe.js';
import type { Phase, RunEvent } from '../events.js';
import type { BranchStatus, RunStatus } from '../types.js';

export interface BranchProgress {
  branch: number;
  strategy: string;
  /** `waiting` for a place to work at. */
  phase: Phase | 'waiting' | BranchStatus;
  /** When that began, in milliseconds since 1970. */
  since: number;
  /** The last line of output. */
  lastOutput: string;
}

export interface TaskStatus {
  id: string;
  /** `failed`: it could not begin; the reason is in `error` and in `result`. */
  state: 'running' | 'aborting' | RunStatus | 'failed';
  startedAt: number;
  endedAt: number | undefined;
  iteration: number;
  /** Of the iteration as a whole, where it is not its branches that work. */
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

/** Takes one event in. */
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
