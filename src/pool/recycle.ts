/** From a used sandbox to one that is proven to hold nothing of its task — or the reason why it is not. */
import { existsSync } from 'node:fs';
import { within } from '../base/abort.js';
import { messageOf } from '../base/errors.js';
import { errnoName } from '../base/linux.js';
import { printable } from '../base/printable.js';
import { removeTree } from '../base/remove-tree.js';
import type { Launched } from '../launch/launch.js';
import type { ResolvedCreateOptions } from '../launch/options.js';

/** The agent gives up by itself before. */
const RESET_MS = 10_000;

/** What rules a proof out before anything is tried. */
export function unprovable(options: ResolvedCreateOptions): string | undefined {
  if (options.workspace.mode === 'bind') return 'a bind mount cannot be reset';
  if (options.network === 'bridge') return 'a network cannot be reset';
  if (options.rootfs === 'writable') return 'a writable root cannot be reset';
  return undefined;
}

/** The trust domain as the pool knows it; `undefined`: the sandbox is removed when it is closed. */
export const domainOf = ({ reuse }: ResolvedCreateOptions): string | undefined =>
  reuse === false ? undefined : reuse === true ? 'default' : `domain:${reuse}`;

/**
 * Has the agent reset the sandbox, and removes its directory on this side.
 * @returns `undefined`: it is proven clean
 */
export async function reset({ client, directory }: Launched): Promise<string | undefined> {
  try {
    const [answer] = await Promise.all([within(client.reset(), RESET_MS), removeTree(directory)]);
    if (answer === undefined) return 'the reset took too long';
    if (answer.errno !== 0) return printable(answer.what) || errnoName(answer.errno);
    return existsSync(directory) ? 'its directory could not be removed' : undefined;
  } catch (error) {
    return messageOf(error);
  }
}
