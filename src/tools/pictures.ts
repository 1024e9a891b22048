/** Finds pictures that a program made, to show them to a model. */
import { posix } from 'node:path';
import { RipcordError } from '../base/errors.js';
import type { FileInfo } from '../files/sandbox-files.js';
import type { Sandbox } from '../sandbox/sandbox.js';

export interface Picture {
  /** Path in the sandbox; for `fetch_port`, the path of the request. */
  path: string;
  mimeType: string;
  bytes: Buffer;
}

/** Signatures of the formats that models accept. */
const SIGNATURES: [mimeType: string, matches: (bytes: Uint8Array) => boolean][] = [
  ['image/png', (b) => startsWith(b, 0, '\x89PNG\r\n\x1a\n')],
  ['image/jpeg', (b) => startsWith(b, 0, '\xff\xd8\xff')],
  ['image/gif', (b) => startsWith(b, 0, 'GIF87a') || startsWith(b, 0, 'GIF89a')],
  ['image/webp', (b) => startsWith(b, 0, 'RIFF') && startsWith(b, 8, 'WEBP')],
];
const NAMES = /\.(png|jpe?g|gif|webp)$/i;

const startsWith = (bytes: Uint8Array, at: number, signature: string): boolean =>
  [...signature].every((character, i) => bytes[at + i] === character.charCodeAt(0));

/** Returns the MIME type of a picture by its content, because a name proves nothing. */
export const pictureType = (bytes: Uint8Array): string | undefined =>
  SIGNATURES.find(([, matches]) => matches(bytes))?.[0];

/** Depth of the search for pictures. Searching a deeper tree after every command would cost too much. */
const DEPTH = 2;
const MAX_ENTRIES = 2000;
const MAX_PICTURES = 4;
/** Maximum size of a picture: the limit of the large models' APIs, less the growth by base64. */
export const MAX_PICTURE_BYTES = 3.5 * 1024 ** 2;

/** Picture files of a directory at one moment: path → size and time of change. */
type Gallery = ReadonlyMap<string, string>;

/** Lists the pictures of a directory. Returns `undefined` if it does not exist or is too large to search. */
export async function listPictures(
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

/** Returns the first pictures that are new or changed since `before`. Further and too large ones are only named. */
export async function newPictures(
  sandbox: Sandbox,
  cwd: string,
  before: Gallery | undefined,
  signal: AbortSignal | undefined,
): Promise<{ shown: Picture[]; others: string[] }> {
  const after = before && (await listPictures(sandbox, cwd, signal));
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
    // The file may have been removed, or be too large.
    if (error instanceof RipcordError && error.code !== 'aborted') return undefined;
    throw error;
  }
}
