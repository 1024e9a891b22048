/**
 * Finds changes that make programs run on the host *without a request*: when a user enters a directory, opens it in an
 * editor or agent, runs git, installs packages, starts a shell or interpreter, or pushes. Such files are written only
 * if the caller allows them. obeyed-files.ts lists them.
 */

import { FOLDING, foldedName } from '../../base/path-rules.js';
import { WorkMeter } from '../../base/work-meter.js';
import type { Change } from '../../workspace/diff.js';
import { becomesExecutable } from '../permissions.js';
import { OBEYED_FILES, type ObeyedBy, type ObeyedFiles, REASONS, REPOSITORIES, SCRIPT_KEYS } from './obeyed-files.js';
import { repositoryParts } from './repository-marks.js';

/** A kind of flag, for `allowRules`. */
export type FlagRule = ObeyedBy;

export interface Flagged {
  path: string;
  rule: FlagRule;
  reason: string;
}

const BY_NAME = new Map<string, ObeyedFiles>();
const BY_ENDING: [string, ObeyedFiles][] = [];
const BY_PATH: [string, ObeyedFiles][] = [];
for (const rule of OBEYED_FILES) {
  for (const name of rule.names ?? []) BY_NAME.set(name, rule);
  for (const ending of rule.endings ?? []) BY_ENDING.push([ending, rule]);
  for (const path of rule.paths ?? []) BY_PATH.push([`/${path}/`, rule]);
}

const BARE = 'part of a bare repository';

/** Reads a changed file's content before or after the change. Resolves to undefined if the file does not exist. */
type ReadSide = (change: Change, side: 'before' | 'after') => Promise<string | undefined>;

/**
 * Returns every flag for `changes`, sorted by path.
 * @param namesIn Lists a directory of the target.
 */
export async function flagChanges(
  changes: readonly Change[],
  read: ReadSide,
  namesIn: (directory: string) => Promise<readonly string[]>,
): Promise<Flagged[]> {
  const flagged: Flagged[] = [];
  const bare = await repositoryParts(changes, namesIn);
  const meter = new WorkMeter();
  for (const change of changes) {
    const { path } = change;
    if (meter.spend(FOLDING * path.length)) await meter.rest();
    const byName = nameRule(path);
    if (byName !== undefined) flagged.push({ path, rule: byName.rule, reason: REASONS[byName.rule] });
    else if (bare.has(path)) flagged.push({ path, rule: 'git', reason: BARE });
    const scripts = await changedScripts(change, read);
    if (scripts !== undefined) flagged.push({ path, rule: 'package-scripts', reason: scripts });
    if (change.after !== undefined && becomesExecutable(change.before, change.after)) {
      flagged.push({ path, rule: 'executable', reason: 'becomes executable' });
    }
  }
  return flagged;
}

/**
 * Returns true if a flagged file is part of a repository of git or another version control, whose configuration can run
 * programs.
 */
export function isOfRepository({ path, rule, reason }: Flagged): boolean {
  if (rule !== 'git') return false;
  return (
    reason === BARE ||
    foldedName(path)
      .split('/')
      .some((name) => REPOSITORIES.has(name))
  );
}

/** Matches names as a case-insensitive file system does: `.GIT` is `.git` there. */
function nameRule(path: string): ObeyedFiles | undefined {
  const folded = foldedName(path);
  for (const segment of folded.split('/')) {
    const rule = BY_NAME.get(segment) ?? BY_ENDING.find(([ending]) => segment.endsWith(ending))?.[1];
    if (rule !== undefined) return rule;
  }
  const framed = `/${folded}/`;
  return BY_PATH.find(([part]) => framed.includes(part))?.[1];
}

async function changedScripts(change: Change, read: ReadSide): Promise<string | undefined> {
  const keys = SCRIPT_KEYS[foldedName(change.path.slice(change.path.lastIndexOf('/') + 1))];
  if (keys === undefined || change.after === undefined) return undefined;
  if (change.after.kind === 'link') return 'a link in place of a manifest';
  if (change.after.kind !== 'file' || change.change === 'mode-changed') return undefined;
  const after = parseObject(await read(change, 'after'));
  const before = parseObject(await read(change, 'before')) ?? {};
  const changed = after && changedKeys(keys, before, after);
  if (changed === undefined) return 'not readable as JSON';
  return changed.length > 0 ? `changes ${changed.join(', ')}` : undefined;
}

/** Returns undefined if a value is nested too deeply for JSON.stringify. */
function changedKeys(
  keys: readonly string[],
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): string[] | undefined {
  try {
    return keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Invalid JSON: the caller handles undefined.
  }
  return undefined;
}
