import { RipcordError } from '../../base/errors.js';

/** Kinds of entries. `unsupported`: sparse files, volume labels, vendor types. */
type TarKind =
  | 'file'
  | 'hard-link'
  | 'symlink'
  | 'character-device'
  | 'block-device'
  | 'directory'
  | 'fifo'
  | 'pax'
  | 'pax-global'
  | 'gnu-long-name'
  | 'gnu-long-link'
  | 'unsupported';

/** A decoded header. Names are bytes, because they may not be UTF-8. */
export interface TarHeader {
  kind: TarKind;
  name: Buffer;
  linkName: Buffer;
  mode: number;
  size: number;
  mtimeMs: number;
}

export const BLOCK = 512;

const KINDS: Record<string, TarKind> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hard-link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  '7': 'file',
  x: 'pax',
  g: 'pax-global',
  L: 'gnu-long-name',
  K: 'gnu-long-link',
};

/**
 * Decodes a header block strictly: checksum, magic and every number must be valid. Returns undefined for a zero block.
 */
export function decodeHeader(block: Buffer): TarHeader | undefined {
  const sum = checksum(block);
  if (sum === 0) return undefined;
  // The checksum field itself counts as eight spaces.
  if (sum - fieldSum(block) + 8 * 0x20 !== numberAt(block, 148, 8)) throw invalid('wrong checksum');
  const magic = block.toString('latin1', 257, 262);
  if (magic !== 'ustar') throw invalid('unknown format');

  const name = stringAt(block, 0, 100);
  // GNU archives (magic followed by a space) store times in the prefix field of ustar.
  const prefix = block[262] === 0 ? stringAt(block, 345, 155) : Buffer.alloc(0);
  const flag = String.fromCharCode(block[156]!);
  const kind = KINDS[flag] ?? 'unsupported';
  return {
    kind,
    name: prefix.byteLength > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : Buffer.from(name),
    linkName: Buffer.from(stringAt(block, 157, 100)),
    mode: numberAt(block, 100, 8),
    size: numberAt(block, 124, 12),
    mtimeMs: timeAt(block),
  };
}

function checksum(block: Buffer): number {
  let sum = 0;
  for (const byte of block) sum += byte;
  return sum;
}

function fieldSum(block: Buffer): number {
  let sum = 0;
  for (let i = 148; i < 156; i++) sum += block[i]!;
  return sum;
}

function stringAt(block: Buffer, offset: number, length: number): Buffer {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return end === -1 ? field : field.subarray(0, end);
}

/**
 * Returns the time in whole seconds, as milliseconds. Times before 1970 or in another form give 0: the archive still
 * counts as valid.
 */
function timeAt(block: Buffer): number {
  try {
    return numberAt(block, 136, 12) * 1000;
  } catch {
    return 0;
  }
}

/** Reads an octal number, or a big-endian one after a 0x80 byte (GNU, for sizes from 8 GiB). */
function numberAt(block: Buffer, offset: number, length: number): number {
  let value = 0;
  if (block[offset] === 0x80) {
    for (let i = offset + 1; i < offset + length; i++) value = value * 256 + block[i]!;
  } else {
    const digits = /^ *([0-7]*)[ \0]*$/.exec(block.toString('latin1', offset, offset + length))?.[1];
    if (digits === undefined) throw invalid('not a number');
    value = digits === '' ? 0 : Number.parseInt(digits, 8);
  }
  if (!Number.isSafeInteger(value)) throw invalid('absurd number');
  return value;
}

export function invalid(what: string): RipcordError {
  return new RipcordError('archive-invalid', `The archive is damaged or forged: ${what}`);
}
