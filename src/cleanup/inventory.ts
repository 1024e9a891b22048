/** Lists the sandboxes of an engine, of all owners. */
import { Annotation, type Backend, Label, type Liveness } from '../backends/backend.js';
import { type Owner, parseOwner } from '../base/owner.js';

export interface ListedSandbox {
  /** Identifier of the sandbox. */
  id: string;
  container: string;
  name: string;
  instance: string;
  /** Image name, as requested. */
  image: string;
  state: string;
  ageMs: number;
  /** Owner process; `undefined` if its label cannot be read. */
  owner: Owner | undefined;
  /** State of the owner. `unknown`: it belongs to another machine, or to another container on this one. */
  ownerState: Liveness;
}

/** Returns all sandboxes, oldest first. */
export async function listSandboxes(backend: Backend): Promise<ListedSandbox[]> {
  const containers = await backend.containers();
  if (containers.length === 0) return [];
  const now = await backend.now();
  const listed = await Promise.all(
    containers.map(async (container) => {
      const { id, name, labels, annotations, state, createdAtMs } = container;
      return {
        id: labels[Label.SANDBOX] ?? name,
        container: id,
        name,
        instance: labels[Label.INSTANCE] ?? '',
        image: annotations[Annotation.IMAGE] ?? '',
        state,
        ageMs: Math.max(0, now - createdAtMs),
        owner: parseOwner(annotations[Annotation.OWNER]),
        ownerState: await backend.livenessOf(container),
      };
    }),
  );
  return listed.sort((a, b) => b.ageMs - a.ageMs);
}
