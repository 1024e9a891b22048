/** The sandboxes an engine has, of whatever owner. */
import { Annotation, type Backend, Label, type Liveness } from '../backends/backend.js';
import { type Owner, parseOwner } from '../base/owner.js';

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
  ownerState: Liveness;
}

/** All of them, oldest first. */
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
