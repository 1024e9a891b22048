/** Functions for relative paths with `/`, as in manifests. */

/** Returns the parent directory of `path`; `''` is the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Returns true if `path` is `directory` or lies below it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

export function depthOf(path: string): number {
  return path.split('/').length;
}

/** Yields a path and its parents, outer ones first: `a`, `a/b`, `a/b/c` for `a/b/c`. */
export function* prefixesOf(path: string): Generator<string> {
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) yield path.slice(0, slash);
  yield path;
}
