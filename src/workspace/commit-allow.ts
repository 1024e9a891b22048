import type { Flagged, FlagRule } from './commit-flags.js';
import { prefixesOf } from './commit-paths.js';
import { IgnoreRules } from './ignore-rules.js';

export interface Allowance {
  /** Patterns in .gitignore syntax. */
  allow: string[];
  allowRules: readonly FlagRule[];
}

/** Splits what is flagged into what somebody allowed and the others. */
export function sortFlags(
  flagged: readonly Flagged[],
  { allow, allowRules }: Allowance,
): { allowed: Flagged[]; others: Flagged[] } {
  const patterns = new IgnoreRules({ ignore: allow });
  const allowed: Flagged[] = [];
  const others: Flagged[] = [];
  for (const flag of flagged) {
    (allowRules.includes(flag.rule) || isMatched(patterns, flag.path) ? allowed : others).push(flag);
  }
  return { allowed, others };
}

/** A pattern for a directory, `.vscode/`, means the directory and everything in it. */
function isMatched(patterns: IgnoreRules, path: string): boolean {
  for (const prefix of prefixesOf(path)) if (patterns.leavesOut(prefix, true)) return true;
  return patterns.leavesOut(path, false);
}
