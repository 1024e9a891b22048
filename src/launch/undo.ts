import type { AgentClient } from '../agent/client.js';
import { messageOf, RipcordError } from '../base/errors.js';
import { removeTree } from '../base/remove-tree.js';
import type { LaunchContext } from './context.js';

/** Removes everything that a failed attempt created. Adds leftovers to the details of `error`. */
export async function undo(
  { backend }: Pick<LaunchContext, 'backend'>,
  name: string,
  client: AgentClient | undefined,
  directory: string,
  error: unknown,
): Promise<void> {
  client?.destroy();
  const results = await Promise.allSettled([backend.remove(name), removeTree(directory)]);
  const problems = results.flatMap((result) => (result.status === 'rejected' ? [messageOf(result.reason)] : []));
  if (problems.length > 0 && error instanceof RipcordError) error.details.leftBehind = problems;
}
