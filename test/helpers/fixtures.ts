/** Directories and bytes that tests start from. Trees of files are in temp.ts. */
import { createHash, randomBytes } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { dir } from 'tmp-promise';

export interface TempDir extends AsyncDisposable {
  path: string;
  remove(): Promise<void>;
}

/** A temp directory anybody may look into; `await using` removes it. */
export async function makeTempDir(name = 'files'): Promise<TempDir> {
  const { path } = await dir({ prefix: `ripcord-test-${name}`, keep: true });
  await chmod(path, 0o755);
  const remove = () => rm(path, { recursive: true, force: true });
  return { path, remove, [Symbol.asyncDispose]: remove };
}

/** All 256 values, in order. */
export const everyByte = (): Buffer => Buffer.from(Array.from({ length: 256 }, (_, value) => value));

export const randomContent = (bytes: number): Buffer => randomBytes(bytes);

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

/** Returns the output of `seq 1 n`. */
export const seq = (n: number): string => Array.from({ length: n }, (_, i) => `${i + 1}\n`).join('');
