/** One call of one of the caller's functions: checked, timed, and not waited for longer than it deserves. */
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
  /** Told of every function that was begun, for the bounded wait after an abort. */
  track(what: string, work: Promise<unknown>): void;
}

/**
 * Runs `body` in a scope of its own under `parent`.
 * @throws TaskAbortedError before the step when `parent` is aborted, and during it as soon as it is; TimeLimitError when
 * the step's own time is up, whatever `body` makes of it.
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

/** A step of our own: it honours the signal, and whatever it began is undone by the time it rejects, so it is waited for. */
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
