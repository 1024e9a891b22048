/** Turns messages and hints that name options of the library into the flags of the command line. */

import { messageOf, RipcordError } from '../base/errors.js';
import { CommitFlaggedError, CommitRefusedError } from '../commit/errors.js';
import { optionsFor } from './commit/allow-flags.js';

/** Options of `create()` that a flag sets. */
const FLAGS: Record<string, string> = {
  'limits.memory': '--memory',
  'limits.cpus': '--cpus',
  'limits.pids': '--pids',
  'limits.shm': '--shm',
  'limits.sockets': '--sockets',
  'network.allow': '--allow',
  'network.deny': '--deny',
  'network.ca': '--ca',
  'network.upstreamProxy': '--upstream-proxy',
  env: '--env',
  image: '--image',
  user: '--user',
  runtime: '--runtime',
  'workspace.seed': '--seed',
};
/** An option at the start of a problem, with the place in a list or an object. */
const OPTION = /(^|; )([a-z]+(?:\.[a-z][A-Za-z]*)?)((?:\.[\w-]+)*)(?=: )/g;

interface Words {
  message: string;
  hint: string | undefined;
}

export function inCliWords(error: unknown): Words {
  const message = messageOf(error);
  if (!(error instanceof RipcordError)) return { message, hint: undefined };
  const { hint } = error;
  if (error instanceof CommitFlaggedError) {
    return { message, hint: `Read them. These options write them: ${optionsFor(error.flagged)}` };
  }
  if (error instanceof CommitRefusedError) return { message, hint: '--skip-refused leaves them out.' };
  if (error.code !== 'invalid-options') return { message, hint };
  const of = /^(?:create|mcp: create): /.exec(message);
  if (of === null) return { message, hint };
  const problems = message.slice(of[0].length);
  return { message: problems.replace(OPTION, (all, start, name) => (FLAGS[name] ? start + FLAGS[name] : all)), hint };
}
