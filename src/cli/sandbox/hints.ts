/** Searches the error output of a failed program for files or space that it lacked. */
import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import { WORKSPACE } from '../../base/places.js';

/** Messages of interpreters and shells about a missing file. The first group is its path or module. */
const MISSING_FILE = [
  /No such file or directory: ['"]([^'"\n]+)['"]/,
  /ENOENT: no such file or directory, \w+ ['"]([^'"\n]+)['"]/,
  /can't open file ['"]([^'"\n]+)['"]/,
  /Cannot find module ['"]([^'"\n]+)['"]/,
  /^(?:[\w./-]+: )*(?:line \d+: )?(?:cannot access |cannot open )?['"]?([^'":\n]+)['"]?: No such file or directory/m,
];
const MISSING_MODULE = /(?:ModuleNotFoundError|ImportError): No module named ['"]([\w.]+)['"]/;
const LOOKED_AT = 16 * 1024;
const EXTENSIONS = ['', '.py', '.js', '.mjs', '.cjs', '.ts', '.json', '/__init__.py', '/index.js'];

/** Returns a path that the program did not find and that `directory` has; undefined if there is none. */
export function missedHere(stderr: Uint8Array, directory = '.'): string | undefined {
  const text = endOf(stderr);
  const named = MISSING_FILE.flatMap((pattern) => pattern.exec(text)?.[1] ?? []);
  const module = MISSING_MODULE.exec(text)?.[1];
  if (module !== undefined) named.push(module.replaceAll('.', '/'));
  for (const name of named) {
    const path = posix.relative(WORKSPACE, posix.resolve(WORKSPACE, name.trim()));
    if (path === '' || path === '..' || path.startsWith('../') || path.includes('\0')) continue;
    const found = EXTENSIONS.map((extension) => path + extension).find((file) =>
      existsSync(posix.join(directory, file)),
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Returns true if a file did not fit on a file system of the sandbox. */
export const ranOutOfRoom = (stderr: Uint8Array): boolean => /No space left on device|ENOSPC/.test(endOf(stderr));

const endOf = (stderr: Uint8Array): string => Buffer.from(stderr.subarray(-LOOKED_AT)).toString('utf8');
