/** The file name of a target's history: the target's own name, for people, and a hash of its path, so that no two share one. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';

const MAX_NAME = 40;
const HASH_DIGITS = 16;

/** @param target the real path of a directory */
export function projectFile(target: string): string {
  const hash = createHash('sha256').update(target).digest('hex').slice(0, HASH_DIGITS);
  return `${readableName(target)}-${hash}.json`;
}

/** Letters of any language, and never a dot first: 40 of them stay below the 255 bytes that a name may have. */
function readableName(target: string): string {
  const plain = basename(target)
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '_')
    .replace(/^[.-]+/, '');
  return [...plain].slice(0, MAX_NAME).join('') || 'root';
}
