/** The sandboxes an engine has, of whatever owner. */
import { type Backend, Label } from '../backends/backend.js';
import { livenessOf, type Owner, parseOwner } from '../base/owner.js';

export interface ListedSandbox {
  /** The sandbox's id. */
  id: string;
  container: string;
  name: string;
  instance: string;
  /** As it was asked for. */
  image: string;
  state: string;
  ageMs: number;
  /** `undefined`: its label cannot be read. */
  owner: Owner | undefined;
  /** `unknown`: of another machine, or of another container on this one. */
  ownerState: 'alive' | 'dead' | 'unknown';
}

/** All of them, oldest first. */
export async function listSandboxes(backend: Backend): Promise<ListedSandbox[]> {
  const containers = await backend.containers();
  if (containers.length === 0) return [];
  const now = await backend.now();
  return containers
    .map(({ id, name, labels, state, createdAtMs }) => {
      const owner = parseOwner(labels[Label.OWNER]);
      return {
        id: labels[Label.SANDBOX] ?? name,
        container: id,
        name,
        instance: labels[Label.INSTANCE] ?? '',
        image: labels[Label.IMAGE] ?? '',
        state,
        ageMs: Math.max(0, now - createdAtMs),
        owner,
        ownerState: livenessOf(owner),
      };
    })
    .sort((a, b) => b.ageMs - a.ageMs);
}
