import { sortInTurns, WorkMeter } from '../base/work-meter.js';
import type { EntryKind, Manifest, ManifestEntry } from './manifest.js';

/** Type of a change. If content and mode changed, it is `modified`; `before` and `after` have the modes. */
export type ChangeType = 'added' | 'modified' | 'deleted' | 'mode-changed' | 'type-changed';

export interface Change {
  path: string;
  change: ChangeType;
  /** Kind of the current entry; of a deleted one, its former kind. */
  kind: EntryKind;
  before?: ManifestEntry;
  after?: ManifestEntry;
}

/** Returns the changes between two manifests, sorted by path. */
export async function diffManifests(base: Manifest, current: Manifest, signal?: AbortSignal): Promise<Change[]> {
  const changes: Change[] = [];
  const meter = new WorkMeter();
  for (const [path, after] of current) {
    if (meter.spend(path.length)) await meter.rest(signal);
    const before = base.get(path);
    if (before === undefined) changes.push({ path, change: 'added', kind: after.kind, after });
    else {
      const change = compare(before, after);
      if (change !== undefined) changes.push({ path, change, kind: after.kind, before, after });
    }
  }
  for (const [path, before] of base) {
    if (meter.spend(path.length)) await meter.rest(signal);
    if (!current.has(path)) changes.push({ path, change: 'deleted', kind: before.kind, before });
  }
  return sortInTurns(changes, ({ path }) => path, signal);
}

export type ChangeCounts = Record<ChangeType, number>;

/** Returns the number of changes of each type. */
export function countChanges(changes: readonly Change[]): ChangeCounts {
  const counts: ChangeCounts = { added: 0, modified: 0, deleted: 0, 'mode-changed': 0, 'type-changed': 0 };
  for (const { change } of changes) counts[change] += 1;
  return counts;
}

/** Returns one readable line: `2 added, 1 deleted`, or `no changes`. */
export function summarizeChanges(changes: readonly Change[]): string {
  const parts = Object.entries(countChanges(changes)).filter(([, count]) => count > 0);
  return parts.map(([change, count]) => `${count} ${change.replace('-', ' ')}`).join(', ') || 'no changes';
}

function compare(before: ManifestEntry, after: ManifestEntry): ChangeType | undefined {
  if (before.kind !== after.kind) return 'type-changed';
  if (before.kind === 'file' && !sameContent(before, after)) return 'modified';
  // The mode of a link has no effect and differs between systems.
  if (before.kind === 'link') return before.linkTarget === after.linkTarget ? undefined : 'modified';
  // Ignore setuid, setgid and sticky: transfers strip them, and a manifest from before the transfer may still have
  // them.
  return (before.mode & 0o777) === (after.mode & 0o777) ? undefined : 'mode-changed';
}

function sameContent(before: ManifestEntry, after: ManifestEntry): boolean {
  if (before.size !== after.size) return false;
  if (before.sha256 !== undefined && after.sha256 !== undefined) return before.sha256 === after.sha256;
  return before.mtimeMs === after.mtimeMs;
}
