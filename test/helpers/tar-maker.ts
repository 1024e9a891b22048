/** Hand-made tar archives, hostile ones above all. Knows nothing of the code under test. */

export interface RawEntry {
  name: string | Buffer;
  /** Type flag. Default `0`, a file. */
  type?: string;
  mode?: number;
  link?: string | Buffer;
  data?: string | Buffer;
  /** Size in the header, if it differs from that of `data`. */
  size?: number | string | Buffer;
  uid?: number;
  magic?: string;
  checksum?: number;
}

export function header(entry: RawEntry): Buffer {
  const block = Buffer.alloc(512);
  const data = Buffer.from(entry.data ?? '');
  put(block, 0, entry.name, 100);
  put(block, 100, octal(entry.mode ?? 0o644, 8), 8);
  put(block, 108, octal(entry.uid ?? 0, 8), 8);
  put(block, 116, octal(entry.uid ?? 0, 8), 8);
  const { size = data.byteLength } = entry;
  put(block, 124, typeof size === 'number' ? octal(size, 12) : size, 12);
  put(block, 136, octal(1_700_000_000, 12), 12);
  put(block, 148, '        ', 8);
  put(block, 156, entry.type ?? '0', 1);
  put(block, 157, entry.link ?? '', 100);
  put(block, 257, entry.magic ?? 'ustar\x0000', 8);
  const sum = entry.checksum ?? block.reduce((total, byte) => total + byte, 0);
  put(block, 148, `${sum.toString(8).padStart(6, '0')}\0 `, 8);
  return block;
}

export function raw(entry: RawEntry): Buffer {
  const data = Buffer.from(entry.data ?? '');
  return Buffer.concat([header(entry), data, Buffer.alloc((512 - (data.byteLength % 512)) % 512)]);
}

export function pax(records: Record<string, string | Buffer> | Buffer, type = 'x'): Buffer {
  const data = Buffer.isBuffer(records)
    ? records
    : Buffer.concat(Object.entries(records).map(([key, value]) => record(key, value)));
  return raw({ name: 'PaxHeader', type, data });
}

export function record(key: string, value: string | Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = body.byteLength;
  while (String(length).length + body.byteLength !== length) length = String(length).length + body.byteLength;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

export const END = Buffer.alloc(1024);

/** A whole archive of these entries. */
export function archive(...entries: Array<RawEntry | Buffer>): Buffer {
  return Buffer.concat([...entries.map((entry) => (Buffer.isBuffer(entry) ? entry : raw(entry))), END]);
}

/** `bytes` in pieces of `size`, as a pipe may hand them over. */
export async function* inPieces(bytes: Buffer, size = 65_536): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < bytes.byteLength; offset += size) yield bytes.subarray(offset, offset + size);
}

function put(block: Buffer, offset: number, value: string | Buffer, length: number): void {
  (Buffer.isBuffer(value) ? value : Buffer.from(value)).copy(block, offset, 0, length);
}

function octal(value: number, length: number): string {
  return value.toString(8).padStart(length - 1, '0');
}
