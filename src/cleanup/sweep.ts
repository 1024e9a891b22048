/** Layer 5: removes what dead owners left behind, and never anything of a live one. */
import { existsSync, statSync } from 'node:fs';
import { type Backend, Label, type Leftover } from '../backends/backend.js';
import { throwIfAborted } from '../base/abort.js';
import { messageOf } from '../base/errors.js';
import { livenessOf, type Owner, parseOwner } from '../base/owner.js';
import { removeTree } from '../base/remove-tree.js';
import { closeStateRoot, instanceDirs } from './state-dir.js';

export interface SweepReport {
  removed: { containers: string[]; volumes: string[]; images: string[]; directories: string[] };
  /** The number of `keptItems`. */
  kept: number;
  /** Those of live owners, and of owners that cannot be asked. */
  keptItems: KeptItem[];
  errors: string[];
}

/** A container, volume, image or directory that a sweep left where it is. */
export interface KeptItem {
  kind: 'container' | 'volume' | 'image' | 'directory';
  /** A directory's path, else the name that the engine has for it. */
  name: string;
  /** `unknown`: it lives on another machine or in another pid namespace, or its name is not readable. */
  ownerState: 'alive' | 'unknown';
  owner: Owner | undefined;
}

/**
 * How old something of an owner on another machine must be before it counts as forgotten. A sandbox of a live owner is
 * started within `createTimeoutMs`, and what runs has a lease of its own.
 */
const FORGOTTEN_MS = 60 * 60_000;

/** States in which nothing of a sandbox runs, so that no lease ends it. */
const IDLE_STATES = new Set(['created', 'exited', 'dead', 'volume', 'image']);

export async function sweep(backend: Backend, root: string, signal?: AbortSignal): Promise<SweepReport> {
  const report: SweepReport = {
    removed: { containers: [], volumes: [], images: [], directories: [] },
    kept: 0,
    keptItems: [],
    errors: [],
  };
  // In this order they can be removed: what uses a thing before the thing.
  const found = [...(await backend.containers()), ...(await backend.volumes()), ...(await backend.images())];
  const now = found.length > 0 ? await backend.now() : 0;
  for (const item of found) {
    throwIfAborted(signal, 'sweeping');
    if (!isLeftover(item, now)) {
      const { state, name, labels } = item;
      keep(
        report,
        state === 'volume' || state === 'image' ? state : 'container',
        name,
        parseOwner(labels[Label.OWNER]),
      );
      continue;
    }
    try {
      report.removed[await remove(backend, item)].push(item.name);
    } catch (error) {
      report.errors.push(`${item.name}: ${messageOf(error)}`);
    }
  }
  await sweepDirectories(root, report, signal);
  return report;
}

function keep(report: SweepReport, kind: KeptItem['kind'], name: string, owner: Owner | undefined): void {
  report.kept += 1;
  report.keptItems.push({ kind, name, ownerState: livenessOf(owner) === 'alive' ? 'alive' : 'unknown', owner });
}

async function remove(backend: Backend, item: Leftover): Promise<'volumes' | 'images' | 'containers'> {
  if (item.state === 'volume') {
    await backend.removeVolume(item.name);
    return 'volumes';
  }
  if (item.state === 'image') {
    await backend.removeImage(item.id);
    return 'images';
  }
  await backend.remove(item.id);
  return 'containers';
}

export function isLeftover(item: Leftover, engineNow: number): boolean {
  const liveness = livenessOf(parseOwner(item.labels[Label.OWNER]));
  if (liveness !== 'unknown') return liveness === 'dead';
  return IDLE_STATES.has(item.state) && engineNow - item.createdAtMs > FORGOTTEN_MS;
}

async function sweepDirectories(root: string, report: SweepReport, signal: AbortSignal | undefined): Promise<void> {
  for (const { path, owner } of instanceDirs(root)) {
    throwIfAborted(signal, 'sweeping');
    // A directory without an owner's name was being made, or being removed, when its owner died.
    const dead = owner ? livenessOf(owner) === 'dead' : ageMs(path) > FORGOTTEN_MS;
    if (!dead) {
      keep(report, 'directory', path, owner);
      continue;
    }
    try {
      await removeTree(path);
      report.removed.directories.push(path);
    } catch (error) {
      report.errors.push(`${path}: ${messageOf(error)}`);
    }
  }
  if (existsSync(root)) closeStateRoot(root);
}

function ageMs(path: string): number {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
