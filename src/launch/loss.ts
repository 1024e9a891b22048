/** Describes why a sandbox was lost, and the remedy. */
import type { PipeEnd } from '../agent/client.js';

export interface Loss {
  /** Text that continues "the sandbox is gone: ". */
  reason: string;
  /** Advice to the caller, as a sentence. */
  remedy?: string;
}

/** Loss of the pipe while the engine still answers. */
const FROM_OUTSIDE: Loss = {
  reason: 'it was killed or removed from outside, or the connection to it was cut',
  remedy: 'Possible causes: `ripcord rm --force`, `docker rm -f`, `docker kill`, a restart of the engine.',
};

/** Returns the loss that the end of the pipe indicates. */
export function lossOf(end: PipeEnd): Loss {
  if (end.bye === 'lifetime') {
    return { reason: 'its lifetime was over', remedy: 'Raise lifetimeMs, or call extend() in time.' };
  }
  if (end.bye === 'lease') {
    return {
      reason: 'its owner gave no sign of life for the length of the lease',
      remedy: 'An owner that may be paused (a debugger, a sleeping machine) needs a longer leaseMs.',
    };
  }
  if (end.bye === 'sigterm') {
    return {
      reason: 'it was stopped from outside',
      remedy: 'Possible causes: `docker stop`, a shutdown of the engine.',
    };
  }
  if (end.cause) return { reason: end.cause.message };
  if (end.diagnostics) return { reason: end.diagnostics };
  return {
    reason: 'the pipe to it broke: it was killed from outside, or the engine went away',
    remedy: FROM_OUTSIDE.remedy!,
  };
}

/** Returns the loss if the engine has answered since, and so is still there. */
export function lossFromOutside(end: PipeEnd): Loss {
  return end.bye || end.cause || end.diagnostics ? lossOf(end) : FROM_OUTSIDE;
}

/** Returns the `hint` of a result that was cut off. */
export const lossHint = ({ reason, remedy }: Loss): string =>
  `The sandbox is gone: ${reason}${remedy === undefined ? '' : `. ${remedy}`}`;
