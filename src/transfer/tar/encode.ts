import { BLOCK } from './header.js';

/** The written fields of an entry. Owners, owner names and devices are never written. */
interface TarFacts {
  path: string;
  type: '0' | '2' | '5';
  mode: number;
  size: number;
  mtimeMs: number;
  linkTarget?: string;
}

const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
/** Largest number in eleven octal digits. */
const MAX_OCTAL = 8 ** 11 - 1;

/**
 * Returns the header blocks of an entry: a ustar header, after a pax header if a name or size does not fit.
 * tar-stream's pack is not used because its stream object per entry costs 60 µs, and it supports neither mode 0 nor
 * times after 2038.
 */
export function encodeHeader(facts: TarFacts): Buffer {
  const path = Buffer.from(facts.type === '5' ? `${facts.path}/` : facts.path);
  const link = Buffer.from(facts.linkTarget ?? '');
  const split = splitPath(path);
  const records: Buffer[] = [];
  if (split === undefined) records.push(paxRecord('path', path));
  if (link.byteLength > NAME_BYTES) records.push(paxRecord('linkpath', link));
  if (facts.size > MAX_OCTAL) records.push(paxRecord('size', Buffer.from(String(facts.size))));

  const { name, prefix } = split ?? { name: cutName(path), prefix: NOTHING };
  const header = block(name, prefix, link.subarray(0, NAME_BYTES), facts.type, facts);
  if (records.length === 0) return header;
  const data = Buffer.concat(records);
  const paxFacts = { ...facts, size: data.byteLength };
  return Buffer.concat([block(PAX_NAME, NOTHING, NOTHING, 'x', paxFacts), data, padding(data.byteLength), header]);
}

const NOTHING = Buffer.alloc(0);
const PAX_NAME = Buffer.from('PaxHeader');

/** Returns the padding after `size` bytes of data. */
export function padding(size: number): Buffer {
  return ZEROS.subarray(0, (BLOCK - (size % BLOCK)) % BLOCK);
}

const ZEROS = Buffer.alloc(2 * BLOCK);
/** The end mark: two blocks of zeros. */
export const END_OF_ARCHIVE: Buffer = ZEROS;

/** Splits a path at a slash so that both parts fit. Returns undefined if no split is possible. */
function splitPath(path: Buffer): { name: Buffer; prefix: Buffer } | undefined {
  if (path.byteLength <= NAME_BYTES) return { name: path, prefix: NOTHING };
  const slash = path.indexOf('/', path.byteLength - NAME_BYTES - 1);
  if (slash < 1 || slash > PREFIX_BYTES || slash === path.byteLength - 1) return undefined;
  return { name: path.subarray(slash + 1), prefix: path.subarray(0, slash) };
}

/**
 * Truncates the name for readers without pax support. A trailing slash is dropped, because some readers would take the
 * file for a directory.
 */
function cutName(path: Buffer): Buffer {
  return path.subarray(0, path[NAME_BYTES - 1] === 0x2f ? NAME_BYTES - 1 : NAME_BYTES);
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = key.length + value.byteLength + 3;
  let length = rest + String(rest).length;
  // The length counts its own digits, and one more digit may be needed for that.
  length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from('\n')]);
}

type Numbers = Pick<TarFacts, 'mode' | 'size' | 'mtimeMs'>;

function block(name: Buffer, prefix: Buffer, link: Buffer, type: string, numbers: Numbers): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.set(name);
  header.write(octal(numbers.mode & 0o777, 7), 100, 'latin1');
  header.write('0000000', 108, 'latin1');
  header.write('0000000', 116, 'latin1');
  header.write(octal(numbers.size, 11), 124, 'latin1');
  header.write(octal(Math.floor(numbers.mtimeMs / 1000), 11), 136, 'latin1');
  header.write(`        ${type}`, 148, 'latin1');
  header.set(link, 157);
  header.write('ustar\x0000', 257, 'latin1');
  header.set(prefix, 345);
  let sum = 0;
  for (const byte of header) sum += byte;
  header.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return header;
}

/** Formats a number. A value out of range becomes the nearest one that fits; a size then also has a pax record. */
function octal(value: number, digits: number): string {
  return Math.min(Math.max(value, 0), 8 ** digits - 1)
    .toString(8)
    .padStart(digits, '0');
}
