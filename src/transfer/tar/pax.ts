import { invalid } from './header.js';

/** The fields used from extended headers. Other fields (times, owners, xattrs) are skipped. */
export interface PaxFacts {
  path?: Buffer;
  linkPath?: Buffer;
  size?: number;
  /** True if the data is the map of a sparse file, not its content. */
  sparse?: boolean;
}

/** Decodes the `"<length> <key>=<value>\n"` records of an extended header. Values stay bytes. */
export function decodePax(data: Buffer): PaxFacts {
  const facts: PaxFacts = {};
  for (let offset = 0; offset < data.byteLength; ) {
    const space = data.indexOf(0x20, offset);
    const digits = space === -1 || space - offset > 10 ? '' : data.toString('latin1', offset, space);
    const end = offset + Number(digits);
    if (!/^[1-9][0-9]*$/.test(digits) || end > data.byteLength || end <= space + 1 || data[end - 1] !== 0x0a) {
      throw invalid('malformed extended header');
    }
    const record = data.subarray(space + 1, end - 1);
    const equals = record.indexOf(0x3d);
    if (equals < 1) throw invalid('malformed extended header');
    take(facts, record.toString('latin1', 0, equals), record.subarray(equals + 1));
    offset = end;
  }
  return facts;
}

function take(facts: PaxFacts, key: string, value: Buffer): void {
  if (key === 'path') facts.path = value;
  else if (key === 'linkpath') facts.linkPath = value;
  else if (key === 'size') facts.size = sizeOf(value.toString('latin1'));
  else if (key.startsWith('GNU.sparse.')) facts.sparse = true;
}

function sizeOf(value: string): number {
  const size = Number(value);
  if (!/^[0-9]{1,16}$/.test(value) || !Number.isSafeInteger(size)) throw invalid('absurd size');
  return size;
}
