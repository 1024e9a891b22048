import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RipcordError } from '../../../src/base/errors.js';
import { manifestFromRecords, parseRecords, RecordDecoder } from '../../../src/files/records.js';

interface Fields {
  kind?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  size?: bigint;
  mtimeNs?: bigint;
  sha256?: Buffer;
  path: string | Buffer;
  target?: string | Buffer;
}

/** A record as the agent writes it. */
function encode(fields: Fields): Buffer {
  const fixed = Buffer.alloc(61);
  fixed.write(fields.kind ?? 'f', 0, 'latin1');
  fixed.writeUInt32LE(fields.mode ?? 0o644, 1);
  fixed.writeUInt32LE(fields.uid ?? 1000, 5);
  fixed.writeUInt32LE(fields.gid ?? 1001, 9);
  fixed.writeBigUInt64LE(fields.size ?? 0n, 13);
  fixed.writeBigInt64LE(fields.mtimeNs ?? 0n, 21);
  fields.sha256?.copy(fixed, 29);
  return Buffer.concat([fixed, text(fields.path), text(fields.target ?? '')]);
}

function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.byteLength);
  return Buffer.concat([length, bytes]);
}

const all = (...records: Fields[]): Buffer => Buffer.concat(records.map(encode));

describe('file records from the agent', () => {
  const honest = all(
    { kind: 'd', path: 'd', mode: 0o40755 },
    { path: 'd/f', size: 5n, mtimeNs: 1_600_000_000_123_456_789n, sha256: Buffer.alloc(32, 0xab), mode: 0o100640 },
    { kind: 'l', path: 'd/l', target: '../../anywhere', mode: 0o120777 },
    { kind: 'o', path: 'fifo' },
  );

  it('are decoded with every field', async () => {
    const { records, refused } = parseRecords(honest);
    expect(refused).toEqual([]);
    expect(records).toEqual([
      { path: 'd', kind: 'directory', mode: 0o755, uid: 1000, gid: 1001, size: 0, mtimeMs: 0 },
      {
        path: 'd/f',
        kind: 'file',
        mode: 0o640,
        uid: 1000,
        gid: 1001,
        size: 5,
        mtimeMs: expect.closeTo(1_600_000_000_123.457, 3),
        sha256: 'ab'.repeat(32),
      },
      {
        path: 'd/l',
        kind: 'link',
        mode: 0o777,
        uid: 1000,
        gid: 1001,
        size: 0,
        mtimeMs: 0,
        linkTarget: '../../anywhere',
      },
      { path: 'fifo', kind: 'other', mode: 0o644, uid: 1000, gid: 1001, size: 0, mtimeMs: 0 },
    ]);
    expect([...(await manifestFromRecords(records)).keys()]).toEqual(['d', 'd/f', 'd/l', 'fifo']);
  });

  it.each([1, 3, 64, 1000])('come in pieces of any size: %i', (size) => {
    const decoder = new RecordDecoder();
    for (let offset = 0; offset < honest.byteLength; offset += size)
      decoder.push(honest.subarray(offset, offset + size));
    expect(decoder.end()).toEqual(parseRecords(honest));
  });

  it('take linear time for a long record byte by byte', () => {
    const decoder = new RecordDecoder({ paths: 'any' });
    // Copying all that has come with every byte takes longer than the test has.
    const long = encode({ path: `/${'x'.repeat(1_000_000)}` });
    for (let i = 0; i < long.byteLength; i++) decoder.push(long.subarray(i, i + 1));
    expect(decoder.end().records).toHaveLength(1);
  });

  it('of stat carry the path as it was asked for', () => {
    expect(parseRecords(encode({ path: '/workspace/a' }), { paths: 'any' }).records[0]?.path).toBe('/workspace/a');
  });

  it.each<[string, Buffer]>([
    ['an unknown kind', all({ kind: 'x', path: 'a' })],
    ['a path that leads out', all({ path: '../a' })],
    ['a path that leads out in the middle', all({ path: 'a/../../b' })],
    ['an absolute path', all({ path: '/etc/passwd' })],
    ['an empty path', all({ path: '' })],
    ['a path that is not normal', all({ path: 'a//b' })],
    ['a dot', all({ path: './a' })],
    ['a NUL', all({ path: 'a\0b' })],
    ['a NUL in a link', all({ kind: 'l', path: 'a', target: 'x\0y' })],
    ['a path twice', all({ path: 'a' }, { path: 'a' })],
    ['a path before its directory', all({ path: 'd/a' }, { kind: 'd', path: 'd' })],
    ['a path behind a link', all({ kind: 'l', path: 'd', target: 'x' }, { path: 'd/a' })],
    ['a path behind a file', all({ path: 'd' }, { path: 'd/a' })],
    ['an absurd size', all({ path: 'a', size: 2n ** 63n })],
    ['a path length of 4 GiB', Buffer.concat([encode({ path: '' }).subarray(0, 61), Buffer.alloc(4, 0xff)])],
    ['a record that ends early', honest.subarray(0, honest.byteLength - 1)],
    ['a few more bytes', Buffer.concat([honest, Buffer.alloc(3)])],
  ])('with %s are a protocol error', (_title, bytes) => {
    expect(() => parseRecords(bytes)).toThrow(expect.objectContaining({ code: 'protocol' }));
  });

  it('with names a command can make and a string or host cannot carry are refused one by one', () => {
    const bad = Buffer.from([0x62, 0xff]);
    const bytes = all(
      { kind: 'd', path: bad },
      { path: Buffer.concat([bad, Buffer.from('/in')]) },
      { kind: 'l', path: 'l', target: bad },
      { path: 'n'.repeat(256) },
      { path: 'ok' },
    );
    const { records, refused } = parseRecords(bytes);
    expect(records.map(({ path }) => path)).toEqual(['ok']);
    expect(refused).toEqual([
      { path: 'b\\xff', reason: 'name is not UTF-8' },
      { path: 'b\\xff/in', reason: 'name is not UTF-8' },
      { path: 'l', reason: 'link target is not UTF-8' },
      { path: `${'n'.repeat(200)}…`, reason: 'name too long' },
    ]);
    expect(() => parseRecords(bytes, { onRefused: 'throw' })).toThrow(/b\\xff/);
  });

  it('of a tree 20,000 directories deep are kept down to maxDepth', () => {
    const decoder = new RecordDecoder();
    for (let depth = 1; depth <= 20_000; depth += depth < 200 ? 1 : 500) {
      decoder.push(encode({ kind: 'd', path: Array(depth).fill('d').join('/') }));
    }
    const { records, refused } = decoder.end();
    expect(records).toHaveLength(128);
    expect(refused.length).toBeGreaterThan(100);
    expect(JSON.stringify(refused).length).toBeLessThan(100_000);
  });

  it('end at maxEntries', () => {
    expect(() => parseRecords(honest, { maxEntries: 3 })).toThrow(
      expect.objectContaining({ code: 'too-many-entries' }),
    );
  });

  it('of random bytes give records or a typed error', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), mutated(honest)), (bytes) => {
        try {
          parseRecords(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(RipcordError);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('are bounded by the length of their paths, not only by their number', () => {
    const names = Array.from({ length: 14 }, () => 'd'.repeat(250));
    const nested = names.map((_, at) => ({ kind: 'd', path: names.slice(0, at + 1).join('/'), mode: 0o40755 }));
    const files = Array.from({ length: 2000 }, (_, at) => ({ path: `${names.join('/')}/${at}`.padEnd(3700, 'f') }));
    const decoder = new RecordDecoder({ maxEntries: 10_000 });
    expect(() => decoder.push(all(...nested, ...files))).toThrowError(
      expect.objectContaining({ code: 'too-many-entries', message: expect.stringContaining('too long') }),
    );
  });
});

/** Honest bytes with some of them changed: most get far into the decoder. */
function mutated(bytes: Buffer): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(bytes.byteLength - 1), fc.nat(255));
  return fc.array(change, { maxLength: 4 }).map((changes) => {
    const copy = Buffer.from(bytes);
    for (const [offset, value] of changes) copy[offset] = value;
    return copy;
  });
}
