/**
 * Labels on objects of a Docker engine. Docker does not have annotations on containers, so they are labels with the
 * names that they always had.
 */
import { Label, type Owned } from '../backend.js';

/** Labels used only with this engine. */
export const DockerLabel = {
  /** Label of images: the uids, as `first-last`, that are called `sandbox`. */
  UIDS: 'ripcord.uids',
  /** Label of the volume that holds the agent. */
  AGENT: 'ripcord.agent',
} as const;

const IDS = new Set<string>(Object.values(Label));

/** Separates ids and free text. */
export function split(
  labels: Readonly<Record<string, string>> | null | undefined,
): Pick<Owned, 'labels' | 'annotations'> {
  const all = Object.entries(labels ?? {});
  return {
    labels: Object.fromEntries(all.filter(([name]) => IDS.has(name))),
    annotations: Object.fromEntries(all.filter(([name]) => !IDS.has(name))),
  };
}

/** Returns the filter for the objects of one instance, or of all. */
export const instanceFilter = (instance: string | undefined): string =>
  instance === undefined ? Label.INSTANCE : `${Label.INSTANCE}=${instance}`;
