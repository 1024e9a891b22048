import { isUtf8 } from 'node:buffer';

/** Linux's PATH_MAX: no host path can be longer. */
const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;
/** Deeper than any real project (pnpm's nested modules reach about 30), far from PATH_MAX and stack limits. */
export const DEFAULT_MAX_DEPTH = 128;

/** The text of a file name, or undefined when it is not UTF-8 and a string could not carry it back unchanged. */
export function decodeName(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/** Why `path` cannot be a path below a directory of ours, or undefined if it can. It must be normal: no `.`, `//`. */
export function pathProblem(path: string, maxDepth = DEFAULT_MAX_DEPTH): string | undefined {
  if (path === '') return 'empty path';
  if (path.includes('\0')) return 'NUL in the path';
  if (path.startsWith('/')) return 'absolute path';
  // Three bytes per UTF-16 unit at most: the exact count is needed only near the limit.
  if (path.length * 3 > MAX_PATH_BYTES && Buffer.byteLength(path) > MAX_PATH_BYTES) return 'path too long';
  const segments = path.split('/');
  if (segments.includes('..')) return 'path leads out with ..';
  if (segments.length > maxDepth) return `deeper than ${maxDepth} directories`;
  for (const segment of segments) {
    if (segment === '' || segment === '.') return 'path is not normal';
    if (segment.length * 3 > MAX_NAME_BYTES && Buffer.byteLength(segment) > MAX_NAME_BYTES) return 'name too long';
  }
  if (process.platform === 'win32' && /[\\:]/.test(path)) return 'name not possible on this host';
  return undefined;
}

/** The reason why no symbolic link can have the text `target`, wherever it leads; undefined for a usable text. */
export function linkTextProblem(target: string): string | undefined {
  if (target === '') return 'link without a target';
  if (target.includes('\0')) return 'NUL in the link target';
  return Buffer.byteLength(target) > MAX_PATH_BYTES ? 'link target too long' : undefined;
}

/**
 * Why the symbolic link at `path` must not have `target`, or undefined if following it ends below the root.
 *
 * `..` is accepted at the start only: there it leaves real directories (nothing is ever placed behind a link), so
 * counting is exact. After a name it would leave whatever that name is linked to, and `up/..` with `up → ../..` climbs
 * higher than counting says.
 */
export function linkProblem(path: string, target: string): string | undefined {
  const problem = linkTextProblem(target);
  if (problem !== undefined) return problem;
  if (target.startsWith('/') || /^[A-Za-z]:/.test(target) || target.includes('\\'))
    return 'link leads outside: absolute';
  let height = path.split('/').length - 1;
  let descended = false;
  for (const segment of target.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment !== '..') descended = true;
    else if (descended) return 'link goes up again after going down';
    else if (height === 0) return 'link leads outside';
    else height -= 1;
  }
  return undefined;
}

/** Code points HFS+ and others skip when they compare names: how `.g<ZWJ>it` became `.git` (CVE-2014-9390). */
const IGNORABLE = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu;
const PLAIN = /^[\x20-\x7e]*$/;

/** Steps of work for each folded character; see work-meter.ts. */
export const FOLDING = 16;

/** Equal for names that some host file system takes for one: case, Unicode normalisation, ignorable characters. */
export function foldedName(name: string): string {
  if (PLAIN.test(name)) return name.toLowerCase();
  return name.normalize('NFKC').replace(IGNORABLE, '').toUpperCase().toLowerCase().normalize('NFKC');
}

/**
 * Whether a path is, or lies in, what a commit of Ripcord keeps in its target, as any file system would take it. A directory
 * may be the target of a later commit, so this counts at any depth.
 */
export function isOwnPath(path: string): boolean {
  const folded = foldedName(path);
  return folded.startsWith('.ripcord') || folded.split('/').some((name) => OWN_NAMES.has(name));
}

/** The second one is what Windows calls the first one, too. */
const OWN_NAMES: ReadonlySet<string> = new Set(['.ripcord', 'ripcor~1']);
