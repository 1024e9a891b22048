/** Labels on the things of a Docker engine. It has no annotations: these are labels, too, of the names that they always had. */
import { Label, type Owned } from '../backend.js';

/** Labels of this engine alone. */
export const DockerLabel = {
  /** On images: the uids, `first-last`, that are called `sandbox`. */
  UIDS: 'ripcord.uids',
  /** On the volume that holds the agent. */
  AGENT: 'ripcord.agent',
} as const;

const IDS = new Set<string>(Object.values(Label));

/** Takes ids and free text apart. */
export function split(
  labels: Readonly<Record<string, string>> | null | undefined,
): Pick<Owned, 'labels' | 'annotations'> {
  const all = Object.entries(labels ?? {});
  return {
    labels: Object.fromEntries(all.filter(([name]) => IDS.has(name))),
    annotations: Object.fromEntries(all.filter(([name]) => !IDS.has(name))),
  };
}

/** A filter for the things of one instance, or of all. */
export const instanceFilter = (instance: string | undefined): string =>
  instance === undefined ? Label.INSTANCE : `${Label.INSTANCE}=${instance}`;
