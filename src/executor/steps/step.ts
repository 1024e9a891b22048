/** Runs one function of the caller: checks for abort, sets the time limit, and stops waiting when either fires. */
import { abortable } from '../../base/abort.js';
import type { Awaitable } from '../../base/awaitable.js';
import type { Phase } from '../events.js';
import { Scope } from './scope.js';

export interface StepPlace {
  phase: Phase;
  iteration: number;
  branch?: number;
}

export interface StepHost {
  phaseChanged(place: StepPlace): void;
  /** Registers a function that was started, so that the run can wait for it briefly after an abort. */
  track(what: string, work: Promise<unknown>): void;
}

/**
 * Runs `body` in a scope of its own under `parent`.
 * @throws TaskAbortedError if `parent` is aborted before or during the step; TimeLimitError if the step's own time limit
 * passes, even if `body` ignores its signal.
 */
export async function runStep<R>(
  host: StepHost,
  place: StepPlace,
  parent: Scope,
  timeoutMs: number | undefined,
  body: (scope: Scope) => Awaitable<R>,
): Promise<R> {
  const what = describePlace(place);
  parent.check(what);
  host.phaseChanged(place);
  const scope = new Scope(what, parent.signal, timeoutMs);
  try {
    const work = (async () => body(scope))();
    host.track(what, work);
    return await abortable(work, scope.signal, what);
  } catch (error) {
    throw parent.explain(scope.timeLimit ?? error, what);
  } finally {
    scope.end();
  }
}

/** Runs a step of the executor itself. It is always awaited: it obeys the signal and undoes its work before it rejects. */
export async function runOwnStep<R>(
  host: StepHost,
  place: StepPlace,
  scope: Scope,
  body: (signal: AbortSignal) => Promise<R>,
): Promise<R> {
  const what = describePlace(place);
  scope.check(what);
  host.phaseChanged(place);
  try {
    return await body(scope.signal);
  } catch (error) {
    throw scope.explain(error, what);
  }
}

function describePlace({ phase, iteration, branch }: StepPlace): string {
  return branch === undefined
    ? `${phase} of iteration ${iteration}`
    : `${phase} of branch ${branch}, iteration ${iteration}`;
}
