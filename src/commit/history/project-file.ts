/**
 * The file name of a target's history: the target's own name, for readability, and a hash of its path, so that no two
 * targets share a file.
 */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';

const MAX_NAME = 40;
const HASH_DIGITS = 16;

/**
 * Returns the file name.
 * @param target The real path of a directory.
 */
export function projectFile(target: string): string {
  const hash = createHash('sha256').update(target).digest('hex').slice(0, HASH_DIGITS);
  return `${readableName(target)}-${hash}.json`;
}

/** Keeps letters of any language, and drops leading dots. 40 characters stay below the 255 bytes of a file name. */
function readableName(target: string): string {
  const plain = basename(target)
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '_')
    .replace(/^[.-]+/, '');
  return [...plain].slice(0, MAX_NAME).join('') || 'root';
}
