/** Build contexts: the files that an image is built from. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { type Pack, pack } from 'tar-stream';

export interface ContextFile {
  /** Path relative to the context, with forward slashes. */
  path: string;
  content: Buffer;
  mode: 0o644 | 0o755;
}

/**
 * Returns every file below `directory`, in a fixed order. Only two modes are used, so that a checkout's umask does not
 * change the hash.
 * @param under Directory of the context for the files. Default: its root.
 */
export function readContextFiles(directory: string, under = ''): ContextFile[] {
  const files: ContextFile[] = [];
  const walk = (relative: string) => {
    for (const entry of readdirSync(path.join(directory, relative), { withFileTypes: true })) {
      const inside = relative ? `${relative}/${entry.name}` : entry.name;
      if (entry.isDirectory()) walk(inside);
      else if (entry.isFile()) files.push({ ...readContextFile(directory, inside), path: `${under}${inside}` });
    }
  };
  walk('');
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function readContextFile(directory: string, relative: string): ContextFile {
  const absolute = path.join(directory, relative);
  const content = readFileSync(absolute);
  // Windows has no execute bit, so the shebang counts as well.
  const executable = (statSync(absolute).mode & 0o100) !== 0 || content.subarray(0, 2).toString() === '#!';
  return { path: relative, content, mode: executable ? 0o755 : 0o644 };
}

/** Starts a build context with those files. The caller may add more, then calls `finalize()`. */
export function packContext(files: Iterable<ContextFile>): Pack {
  const context = pack();
  for (const file of files) context.entry({ name: file.path, mode: file.mode, uid: 0, gid: 0 }, file.content);
  return context;
}

/** Returns the context as a Node stream. */
export function toStream(context: Pack): Readable {
  return Readable.from(context, { objectMode: false });
}
