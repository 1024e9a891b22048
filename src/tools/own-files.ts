import { posix } from 'node:path';
import type { Sandbox } from '../sandbox.js';

/** Whether an entry below `directory` is Ripcord's own: HOME, TMPDIR, the program of the moment. */
export function isOwn(sandbox: Sandbox, directory: string, entry: string): boolean {
  const path = posix.relative(sandbox.workspace, posix.resolve(sandbox.workspace, directory, entry));
  return path.startsWith('.ripcord');
}
