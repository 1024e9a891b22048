import type { Stats } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import { forEachLimited } from '../base/concurrency.js';
import { lstat } from '../base/fd.js';
import { printable } from '../base/harmless-text.js';
import { errnoOf, hostFileError } from '../base/host-error.js';
import { decodeName, linkProblem, linkTextProblem } from '../base/path-rules.js';
import { sortInTurns } from '../base/work-meter.js';
import type { IgnoreOptions } from './ignore-rules.js';
import { IgnoreRules } from './ignore-rules.js';
import type { TransferLimits } from './limits.js';
import { Budget } from './limits.js';
import type { EntryKind, Manifest, ManifestEntry } from './manifest.js';
import type { OnRefused } from './refused.js';
import { RefusedLog } from './refused.js';

export interface SurveyOptions extends IgnoreOptions, TransferLimits {
  /**
   * Refuse entries that do not work in another directory: links that lead outside, sockets, FIFOs, devices. Default
   * false: they are part of the manifest.
   */
  portableOnly?: boolean;
  /** Keep all links as text, even if they lead outside. Default: as `portableOnly` requires. */
  keepLinks?: boolean;
  /** Handling of refused entries. Default `report`. */
  onRefused?: OnRefused;
  signal?: AbortSignal;
}

/**
 * Lists everything below `root` without following links. It works level by level, so that deep trees need no recursion.
 * Entries that vanish meanwhile are skipped.
 */
export async function survey(
  root: string,
  options: SurveyOptions,
): Promise<{ manifest: Manifest; refused: RefusedLog }> {
  const { signal } = options;
  const rules = new IgnoreRules(options);
  const budget = new Budget(options, printable(root));
  const refused = new RefusedLog(options.onRefused ?? 'report', 'seed-invalid');
  const found: Array<[string, ManifestEntry]> = [];

  let level = [''];
  while (level.length > 0) {
    const names: string[] = [];
    await forEachLimited(level, signal, async (parent) => {
      for (const name of await namesIn(root, parent, refused)) names.push(parent === '' ? name : `${parent}/${name}`);
    });
    const seen = await statAll(root, names, signal);
    for (const parent of level) {
      const file = parent === '' ? '.gitignore' : `${parent}/.gitignore`;
      const ignoreFile = seen.get(file);
      if (ignoreFile?.isFile()) await rules.load(root, parent, ignoreFile.size);
    }
    level = [];
    for (const [relative, stats] of seen) {
      if (await rules.leavesOut(relative, stats.isDirectory(), signal)) continue;
      budget.addEntry(relative);
      const entry = entryOf(stats);
      budget.addBytes(entry.size);
      if (entry.kind === 'link' && !(await addTarget(root, relative, entry, options, refused))) continue;
      if (entry.kind === 'other' && options.portableOnly) {
        refused.add(relative, 'not a file, directory or link');
        continue;
      }
      if (entry.kind === 'directory') level.push(relative);
      found.push([relative, entry]);
    }
  }
  return { manifest: new Map(await sortInTurns(found, ([relative]) => relative, signal)), refused };
}

async function namesIn(root: string, parent: string, refused: RefusedLog): Promise<string[]> {
  let raw: Buffer[];
  try {
    raw = await readdir(path.join(root, parent), { encoding: 'buffer' });
  } catch (error) {
    if (parent !== '' && errnoOf(error) === 'ENOENT') return [];
    throw hostFileError(error, 'list', parent === '' ? root : parent);
  }
  const names: string[] = [];
  for (const bytes of raw) {
    const name = decodeName(bytes);
    if (name !== undefined) names.push(name);
    else refused.add(Buffer.concat([Buffer.from(parent && `${parent}/`), bytes]), 'name is not UTF-8');
  }
  return names;
}

async function statAll(root: string, paths: string[], signal?: AbortSignal): Promise<Map<string, Stats>> {
  const seen = new Map<string, Stats>();
  await forEachLimited(paths, signal, async (relative) => {
    try {
      seen.set(relative, await lstat(path.join(root, relative)));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw hostFileError(error, 'inspect', relative);
    }
  });
  return seen;
}

function entryOf(stats: Stats): ManifestEntry {
  const kind = kindOf(stats);
  return { kind, mode: stats.mode & 0o7777, size: kind === 'file' ? stats.size : 0, mtimeMs: stats.mtimeMs };
}

function kindOf(stats: Stats): EntryKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'link' : 'other';
}

/** Reads the target of a link. Returns false if the entry must not be kept. */
async function addTarget(
  root: string,
  relative: string,
  entry: ManifestEntry,
  options: SurveyOptions,
  refused: RefusedLog,
): Promise<boolean> {
  let target: string | undefined;
  try {
    target = decodeName(await readlink(path.join(root, relative), { encoding: 'buffer' }));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return false;
    throw hostFileError(error, 'read the link', relative);
  }
  const problem = target === undefined ? 'link target is not UTF-8' : problemOf(relative, target, options);
  if (problem !== undefined) {
    refused.add(relative, problem);
    return false;
  }
  entry.linkTarget = target;
  return true;
}

function problemOf(relative: string, target: string, options: SurveyOptions): string | undefined {
  if (options.keepLinks) return linkTextProblem(target);
  return options.portableOnly ? linkProblem(relative, target) : undefined;
}
