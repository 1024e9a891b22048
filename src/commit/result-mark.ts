/**
 * The mark beside a directory that `ripcord run --out` wrote. It lists the changes of the sandbox, with hashes. It
 * distinguishes a result with only the changed files from a whole directory, so that `ripcord apply` does not treat
 * missing files as deleted. The mark lies beside the result, never inside it, where the sandbox could have written it.
 */
import { randomBytes } from 'node:crypto';
import { realpath, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { messageOf } from '../base/errors.js';
import { close, OPEN_READ, open, readFully } from '../base/fd.js';
import { printable } from '../base/harmless-text.js';
import { errnoOf, hostFileError } from '../base/host-error.js';
import type { Change } from '../workspace/diff.js';
import type { Manifest, ManifestEntry } from '../workspace/manifest.js';
import { changeSchema } from './saved-plan.js';

/**
 * Files with this ending are never copied out of a sandbox, because such a file would describe the directory beside it.
 */
export const MARK_ENDING = '.ripcord.json';
/** Maximum size of a mark: 100,000 changes with long paths fit. */
const MAX_MARK_BYTES = 64 * 1024 ** 2;

const markSchema = z.strictObject({ ripcordResult: z.literal(1), changes: z.array(changeSchema) });

/** The changes of a run: paths that were written to the result, and deleted paths. */
export interface ResultMark {
  changes: Change[];
}

/** Returns the path of the mark of `directory`, which must exist. Undefined for `/`, which has no parent directory. */
async function markPath(directory: string): Promise<string | undefined> {
  const real = await realpath(directory);
  return path.dirname(real) === real ? undefined : real + MARK_ENDING;
}

/** Removes the mark of an earlier run, because it does not describe the files written from now on. */
export async function removeMark(directory: string): Promise<void> {
  const file = await markPath(directory);
  if (file === undefined) return;
  try {
    await rm(file, { force: true });
  } catch (error) {
    throw hostFileError(error, 'remove', file);
  }
}

/**
 * Writes the mark of `directory` atomically.
 * @returns the path of the mark; undefined for `/`
 */
export async function writeMark(directory: string, { changes }: ResultMark): Promise<string | undefined> {
  const file = await markPath(directory);
  if (file === undefined) return undefined;
  const partial = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(partial, `${JSON.stringify({ ripcordResult: 1, changes }, null, 1)}\n`, { flag: 'wx' });
    await rename(partial, file);
    return file;
  } catch (error) {
    await rm(partial, { force: true });
    throw hostFileError(error, 'write', file);
  }
}

/**
 * Reads the mark of `directory` and checks it against `manifest`, the directory's files with hashes.
 * @returns the mark, the reason why it is not valid, or undefined if the file does not exist
 */
export async function readMark(
  directory: string,
  manifest: Manifest,
): Promise<ResultMark | { problem: string } | undefined> {
  const file = await markPath(directory);
  if (file === undefined) return undefined;
  let text: string;
  try {
    text = await readText(file);
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? undefined : { problem: `${printable(file)}: ${messageOf(error)}` };
  }
  const parsed = markSchema.safeParse(parseJson(text));
  if (!parsed.success) return { problem: `${printable(file)} is not a mark of ripcord run --out` };
  const { changes } = parsed.data as ResultMark;
  const other = changes.find(({ path: at, after }) => after !== undefined && !isSame(after, manifest.get(at)));
  if (other === undefined) return { changes };
  return { problem: `${printable(other.path)} is not as the run wrote it` };
}

/** Compares kind and content. Permissions are not compared, because they depend on the host's umask. */
export function isSame(a: ManifestEntry, b: ManifestEntry | undefined): boolean {
  return a.kind === b?.kind && a.sha256 === b.sha256 && a.linkTarget === b.linkTarget;
}

async function readText(file: string): Promise<string> {
  const fd = await open(file, OPEN_READ);
  try {
    const buffer = Buffer.allocUnsafe(1024 ** 2);
    const parts: Buffer[] = [];
    for (let size = 0; ; ) {
      const count = await readFully(fd, buffer);
      size += count;
      if (size > MAX_MARK_BYTES) throw new Error(`more than ${MAX_MARK_BYTES} bytes`);
      parts.push(Buffer.from(buffer.subarray(0, count)));
      if (count < buffer.byteLength) return Buffer.concat(parts).toString('utf8');
    }
  } finally {
    await close(fd);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
