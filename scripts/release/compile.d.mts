/** Returns the first line of each type error in `files`, except errors inside packages other than this one. */
export function typeErrors(
  directory: string,
  files: Record<string, string>,
  options?: Record<string, unknown>,
  compiler?: string,
): Promise<string[]>;

/** Returns a module that imports each entry as `entry0`, `entry1` … */
export function importing(entries: readonly string[]): string;
