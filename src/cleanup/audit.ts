/** The final check of a manager: removes its leftovers, and counts those that are still there. */
import { existsSync } from 'node:fs';
import type { Backend } from '../backends/backend.js';
import { messageOf } from '../base/errors.js';
import { removeTree } from '../base/remove-tree.js';
import type { Receipt } from './receipt.js';
import { closeStateRoot } from './state-dir.js';

interface Audited {
  instance: string;
  directory: string;
  root: string;
}

/**
 * Removes the leftovers of an instance.
 * @param errors Receives the failures.
 */
export async function audit(
  backend: Backend,
  { instance, directory, root }: Audited,
  errors: string[],
): Promise<Receipt['left']> {
  const left = { containers: 0, volumes: 0, directories: 0 };
  try {
    const containers = await backend.containers(instance);
    await Promise.all(containers.map((container) => backend.remove(container.id)));
    const extras = await backend.extras(instance);
    await Promise.all(extras.map((extra) => extra.remove()));
    if (containers.length > 0) left.containers = (await backend.containers(instance)).length;
    if (extras.length > 0) left.volumes = (await backend.extras(instance)).length;
  } catch (error) {
    errors.push(`leftovers could not be listed: ${messageOf(error)}`);
  }
  await removeTree(directory).catch((error) => errors.push(messageOf(error)));
  left.directories = existsSync(directory) ? 1 : 0;
  closeStateRoot(root);
  return left;
}
