/** Pictures a program made, to be shown to a model that can see. */
import { posix } from 'node:path';
import { RipcordError } from '../base/errors.js';
import type { FileInfo } from '../files/sandbox-files.js';
import type { Sandbox } from '../sandbox/sandbox.js';

export interface Picture {
  /** Below the workspace. */
  path: string;
  mimeType: string;
  bytes: Buffer;
}

/** What models are known to take. */
const SIGNATURES: [mimeType: string, matches: (bytes: Uint8Array) => boolean][] = [
  ['image/png', (b) => startsWith(b, 0, '\x89PNG\r\n\x1a\n')],
  ['image/jpeg', (b) => startsWith(b, 0, '\xff\xd8\xff')],
  ['image/gif', (b) => startsWith(b, 0, 'GIF87a') || startsWith(b, 0, 'GIF89a')],
  ['image/webp', (b) => startsWith(b, 0, 'RIFF') && startsWith(b, 8, 'WEBP')],
];
const NAMES = /\.(png|jpe?g|gif|webp)$/i;

const startsWith = (bytes: Uint8Array, at: number, signature: string): boolean =>
  [...signature].every((character, i) => bytes[at + i] === character.charCodeAt(0));

/** By its content: a name says nothing. */
export const pictureType = (bytes: Uint8Array): string | undefined =>
  SIGNATURES.find(([, matches]) => matches(bytes))?.[0];

/** Where programs put their pictures; a deeper tree is not worth looking through after every command. */
const DEPTH = 2;
const MAX_ENTRIES = 2000;
const MAX_PICTURES = 4;
/** What the APIs of the large models take of one picture, less what base64 adds. */
export const MAX_PICTURE_BYTES = 3.5 * 1024 ** 2;

/** The picture files of a directory as they were at one moment. */
type Gallery = ReadonlyMap<string, string>;

/** `undefined` for a directory that is not there, or too large to look through. */
export async function lookAround(
  sandbox: Sandbox,
  cwd: string,
  signal: AbortSignal | undefined,
): Promise<Gallery | undefined> {
  try {
    const entries = await sandbox.files.list(cwd, { depth: DEPTH, maxEntries: MAX_ENTRIES, signal });
    const pictures = entries.filter(({ kind, path }) => kind === 'file' && NAMES.test(path));
    return new Map(pictures.map((entry) => [posix.join(cwd, entry.path), stateOf(entry)]));
  } catch (error) {
    if (error instanceof RipcordError && error.code !== 'aborted') return undefined;
    throw error;
  }
}

const stateOf = ({ size, mtimeMs }: FileInfo): string => `${size} ${mtimeMs}`;

/** The pictures that are new or changed since `before`, the first ones; those too large are named only. */
export async function newPictures(
  sandbox: Sandbox,
  cwd: string,
  before: Gallery | undefined,
  signal: AbortSignal | undefined,
): Promise<{ shown: Picture[]; others: string[] }> {
  const after = before && (await lookAround(sandbox, cwd, signal));
  const shown: Picture[] = [];
  const others: string[] = [];
  for (const [path, state] of after ?? []) {
    if (before!.get(path) === state) continue;
    const picture = shown.length < MAX_PICTURES ? await readPicture(sandbox, path, signal) : undefined;
    if (picture) shown.push(picture);
    else others.push(path);
  }
  return { shown, others };
}

async function readPicture(
  sandbox: Sandbox,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Picture | undefined> {
  try {
    const bytes = await sandbox.files.read(path, { maxBytes: MAX_PICTURE_BYTES, signal });
    const mimeType = pictureType(bytes);
    return mimeType === undefined ? undefined : { path, mimeType, bytes };
  } catch (error) {
    // It may be gone again, or too large.
    if (error instanceof RipcordError && error.code !== 'aborted') return undefined;
    throw error;
  }
}
