/** Formats the options that write flagged files, ready to be copied to a command line. */

import { safeText } from '../../base/harmless-text.js';
import { isWithin } from '../../base/relative-paths.js';
import type { FlagRule } from '../../commit/review/flags.js';
import { exactPattern } from '../../workspace/ignore-pattern.js';

type Flagged = readonly { path: string; rule: FlagRule }[];

/** Maximum number of files to name: users do not read a longer line. If there are more, their rules are named. */
const MAX_FILES = 10;

/** Names each file, or each rule where there are many files or a path is not printable. */
export function optionsFor(flagged: Flagged): string {
  const sorted = [...flagged].sort((a, b) => (a.path < b.path ? -1 : 1));
  const top: string[] = [];
  // The option for a directory covers everything in it.
  for (const { path } of sorted) if (!top.some((above) => isWithin(path, above))) top.push(path);
  const isShort =
    top.length <= MAX_FILES && top.every((path) => safeText(path) === path && !/\s{2,}|[\n\t]/.test(path));
  if (isShort) return top.map((path) => `--allow-file ${quoted(exactPattern(path))}`).join(' ');
  return [...new Set(flagged.map(({ rule }) => rule))].map((rule) => `--allow-rule ${rule}`).join(' ');
}

/** Quotes a word for a POSIX shell. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);
