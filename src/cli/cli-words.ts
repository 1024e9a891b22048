/** Turns messages and hints that name options of the library into the flags of the command line. */

import { messageOf, RipcordError } from '../base/errors.js';
import { CommitFlaggedError, CommitRefusedError } from '../commit/errors.js';
import { optionsFor } from './commit/allow-flags.js';

/** Flags of the command line, by the option of `create()` that they set. */
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
/** Matches an option's name at the start of a problem. The third group is an index or a key inside the option. */
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
