import { isUtf8 } from 'node:buffer';

/** Linux's PATH_MAX, the maximum length of a path. */
const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;
/**
 * Maximum depth of a path. Real projects are less deep (pnpm's nested modules reach about 30), and it is far from
 * PATH_MAX and stack limits.
 */
export const DEFAULT_MAX_DEPTH = 128;

/** Returns the text of a file name. Undefined if it is not UTF-8, because a string could not represent it. */
export function decodeName(bytes: Uint8Array): string | undefined {
  if (!isUtf8(bytes)) return undefined;
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

/**
 * Returns the reason why `path` cannot be used below a directory, or undefined if it can. It must be normalized: no
 * `.`, no `//`.
 */
export function pathProblem(path: string, maxDepth = DEFAULT_MAX_DEPTH): string | undefined {
  if (path === '') return 'empty path';
  if (path.includes('\0')) return 'NUL in the path';
  if (path.startsWith('/')) return 'absolute path';
  // A UTF-16 unit has at most three bytes, so the exact count is needed only near the limit.
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

/**
 * Returns the reason why a symbolic link cannot have the text `target`, whatever it leads to. Undefined for a usable
 * text.
 */
export function linkTextProblem(target: string): string | undefined {
  if (target === '') return 'link without a target';
  if (target.includes('\0')) return 'NUL in the link target';
  return Buffer.byteLength(target) > MAX_PATH_BYTES ? 'link target too long' : undefined;
}

/**
 * Returns the reason why the symbolic link at `path` must not have `target`. Undefined if following it ends below the
 * root.
 *
 * `..` is accepted only at the start. There it leaves real directories, because entries are never placed behind a link,
 * so counting is exact. After a name it would leave the target of a link: `up/..` with `up → ../..` climbs higher than
 * the count.
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

/** Code points that HFS+ and others ignore when they compare names: `.g<ZWJ>it` became `.git` (CVE-2014-9390). */
const IGNORABLE = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu;
const PLAIN = /^[\x20-\x7e]*$/;

/** Steps of work counted for each folded character; see work-meter.ts. */
export const FOLDING = 16;

/**
 * Returns a key that is equal for names that some file system treats as equal: case, Unicode normalization, ignorable
 * characters.
 */
export function foldedName(name: string): string {
  if (PLAIN.test(name)) return name.toLowerCase();
  return name.normalize('NFKC').replace(IGNORABLE, '').toUpperCase().toLowerCase().normalize('NFKC');
}

/**
 * Returns true if a path is, or lies in, a directory that a commit of Ripcord uses in its target, on any file system.
 * Any directory may be the target of a later commit, so this applies at any depth.
 */
export function isOwnPath(path: string): boolean {
  const folded = foldedName(path);
  return folded.startsWith('.ripcord') || folded.split('/').some((name) => OWN_NAMES.has(name));
}

/** The second name is the first one's short name on Windows. */
const OWN_NAMES: ReadonlySet<string> = new Set(['.ripcord', 'ripcor~1']);
