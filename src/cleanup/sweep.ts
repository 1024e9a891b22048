/** Teardown layer 5: removes leftovers of dead owners, never objects of a live one. */
import { existsSync, statSync } from 'node:fs';
import { Annotation, type Backend, type Extra, type Found } from '../backends/backend.js';
import { throwIfAborted } from '../base/abort.js';
import { messageOf } from '../base/errors.js';
import { livenessOf, type Owner, parseOwner } from '../base/owner.js';
import { removeTree } from '../base/remove-tree.js';
import { closeStateRoot, instanceDirs } from './state-dir.js';

export interface SweepReport {
  removed: { containers: string[]; volumes: string[]; images: string[]; directories: string[] };
  /** Number of `keptItems`. */
  kept: number;
  /** Objects of live owners, and of owners whose state is unknown. */
  keptItems: KeptItem[];
  errors: string[];
}

/** A container, volume, image or directory that a sweep kept. */
export interface KeptItem {
  kind: 'container' | 'volume' | 'image' | 'directory';
  /** Path of a directory, else the engine's name for the object. */
  name: string;
  /**
   * State of the owner. `unknown`: it is on another machine or in another pid namespace, or its name cannot be read.
   */
  ownerState: 'alive' | 'unknown';
  owner: Owner | undefined;
}

/**
 * Age at which an object of an owner on another machine counts as a leftover. A live owner starts a sandbox within
 * `createTimeoutMs`, and a running sandbox has a lease of its own.
 */
const FORGOTTEN_MS = 60 * 60_000;

/** States without running processes, so that no lease ends the sandbox. */
const IDLE_STATES = new Set(['created', 'exited', 'dead']);

const LISTS = { container: 'containers', volume: 'volumes', image: 'images' } as const;

export async function sweep(backend: Backend, root: string, signal?: AbortSignal): Promise<SweepReport> {
  const report: SweepReport = {
    removed: { containers: [], volumes: [], images: [], directories: [] },
    kept: 0,
    keptItems: [],
    errors: [],
  };
  // Containers first: an extra that one of them uses cannot be removed.
  const containers = await backend.containers();
  const extras = await backend.extras();
  const now = containers.length + extras.length > 0 ? await backend.now() : 0;
  for (const item of [...containers, ...extras]) {
    throwIfAborted(signal, 'sweeping');
    const kind = isExtra(item) ? item.kind : 'container';
    if (!(await isLeftover(backend, item, now))) {
      const isAlive = (await backend.livenessOf(item)) === 'alive';
      keep(report, kind, item.name, parseOwner(item.annotations[Annotation.OWNER]), isAlive);
      continue;
    }
    try {
      await (isExtra(item) ? item.remove() : backend.remove(item.id));
      report.removed[LISTS[kind]].push(item.name);
    } catch (error) {
      report.errors.push(`${item.name}: ${messageOf(error)}`);
    }
  }
  await sweepDirectories(root, report, signal);
  return report;
}

function keep(
  report: SweepReport,
  kind: KeptItem['kind'],
  name: string,
  owner: Owner | undefined,
  isAlive: boolean,
): void {
  report.kept += 1;
  report.keptItems.push({ kind, name, ownerState: isAlive ? 'alive' : 'unknown', owner });
}

const isExtra = (item: Found | Extra): item is Extra => 'kind' in item;

/** Returns whether the owner of `item` is dead, or must be by its age. */
export async function isLeftover(
  backend: Pick<Backend, 'livenessOf'>,
  item: Found | Extra,
  engineNow: number,
): Promise<boolean> {
  const liveness = await backend.livenessOf(item);
  if (liveness !== 'unknown') return liveness === 'dead';
  const isIdle = isExtra(item) || IDLE_STATES.has(item.state);
  return isIdle && engineNow - item.createdAtMs > FORGOTTEN_MS;
}

async function sweepDirectories(root: string, report: SweepReport, signal: AbortSignal | undefined): Promise<void> {
  for (const { path, owner } of instanceDirs(root)) {
    throwIfAborted(signal, 'sweeping');
    // A directory without an owner file was being created or removed when its owner died.
    const dead = owner ? livenessOf(owner) === 'dead' : ageMs(path) > FORGOTTEN_MS;
    if (!dead) {
      keep(report, 'directory', path, owner, livenessOf(owner) === 'alive');
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
