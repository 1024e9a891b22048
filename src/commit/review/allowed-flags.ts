import { prefixesOf } from '../../base/relative-paths.js';
import { IgnoreRules } from '../../workspace/ignore-rules.js';
import type { Flagged, FlagRule } from './flags.js';

export interface Allowance {
  /** Patterns of allowed paths, in .gitignore syntax. */
  allow: string[];
  allowRules: readonly FlagRule[];
}

/** Splits flags into those that the caller allowed and the others. */
export async function sortFlags(
  flagged: readonly Flagged[],
  { allow, allowRules }: Allowance,
): Promise<{ allowed: Flagged[]; others: Flagged[] }> {
  const patterns = new IgnoreRules({ ignore: allow });
  const allowed: Flagged[] = [];
  const others: Flagged[] = [];
  for (const flag of flagged) {
    const isAllowed = allowRules.includes(flag.rule) || (await isMatched(patterns, flag.path));
    (isAllowed ? allowed : others).push(flag);
  }
  return { allowed, others };
}

/**
 * Returns true if a pattern matches the path or a directory above it: `.vscode/` allows everything in the directory.
 */
async function isMatched(patterns: IgnoreRules, path: string): Promise<boolean> {
  for (const prefix of prefixesOf(path)) if (await patterns.leavesOut(prefix, true)) return true;
  return patterns.leavesOut(path, false);
}
