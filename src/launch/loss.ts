/** Why a sandbox was lost, in words, and what its owner can do about it. */
import type { PipeEnd } from '../agent/client.js';

export interface Loss {
  /** Goes on after "the sandbox is gone: ". */
  reason: string;
  /** A sentence. */
  remedy?: string;
}

/** The engine is there, the pipe is not. */
const FROM_OUTSIDE: Loss = {
  reason: 'it was killed or removed from outside, or the connection to it was cut',
  remedy: '`ripcord rm --force`, `docker rm -f`, `docker kill` and a restart of the engine do that.',
};

/** The reason that the end of the pipe gives. */
export function lossOf(end: PipeEnd): Loss {
  if (end.bye === 'lifetime') {
    return { reason: 'its lifetime was over', remedy: 'Raise lifetimeMs, or call extend() in time.' };
  }
  if (end.bye === 'lease') {
    return {
      reason: 'its owner gave no sign of life for the length of the lease',
      remedy: 'An owner that may stand still (a debugger, a machine asleep) needs a longer leaseMs.',
    };
  }
  if (end.bye === 'sigterm') {
    return { reason: 'it was stopped from outside', remedy: '`docker stop` and a shutdown of the engine do that.' };
  }
  if (end.cause) return { reason: end.cause.message };
  if (end.diagnostics) return { reason: end.diagnostics };
  return {
    reason: 'the pipe to it broke: it was killed from outside, or the engine went away',
    remedy: FROM_OUTSIDE.remedy!,
  };
}

/** The reason where the engine has answered since, and so did not go away. */
export function lossFromOutside(end: PipeEnd): Loss {
  return end.bye || end.cause || end.diagnostics ? lossOf(end) : FROM_OUTSIDE;
}

/** The `hint` of a result that was cut off. */
export const lossHint = ({ reason, remedy }: Loss): string =>
  `The sandbox is gone: ${reason}${remedy === undefined ? '' : `. ${remedy}`}`;
