import { mkdirSync, rmSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RipcordError } from '../../../src/base/errors.js';
import { extractTar } from '../../../src/transfer/extract.js';
import { packTree } from '../../../src/transfer/pack.js';
import { diffManifests } from '../../../src/workspace/diff.js';
import { manifestOf } from '../../../src/workspace/read-manifest.js';
import { stageSeed } from '../../../src/workspace/stage.js';
import { archive, inPieces, pax, raw } from '../../helpers/tar-maker.js';
import { readTree, type Tree, useTempDirectory, writeTree } from '../../helpers/temp.js';

const temp = useTempDirectory();

/** Shrinking a counterexample takes minutes; the limit makes sure that it is shown. */
const withinTime = { interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true };

const name = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }),
    fc.string({ minLength: 60, maxLength: 200, unit: 'grapheme-ascii' }),
    fc.constantFrom('-rf', ' ', 'a\nb', '...', '\x1b[2J', '*', '$(x)'),
  )
  .filter(
    (text) =>
      !/[/\0]/.test(text) &&
      text !== '.' &&
      text !== '..' &&
      Buffer.byteLength(text) <= 255 &&
      !text.startsWith('.git'),
  );
const content = fc.oneof(
  fc.string().map((text) => Buffer.from(text)),
  fc.nat(3000).map((size) => Buffer.alloc(size, size)),
);
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.dictionary(
    name,
    fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      content,
      fc.constantFrom('link:x', 'link:./y/z'),
      tie('tree'),
    ),
    {
      maxKeys: 6,
      noNullPrototype: true,
    },
  ),
}));

it('stage, pack and extract give back any tree', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(tree, fc.integer({ min: 1, max: 5000 }), async (random, pieceSize) => {
      run += 1;
      const directory = String(run);
      const place = (part: string) => temp(directory, part);
      writeTree(place('seed'), random);
      mkdirSync(place('staged'));
      const { manifest, refused } = await stageSeed({ from: place('seed'), gitignore: false }, place('staged'));
      expect(refused).toEqual([]);
      const bytes = Buffer.concat(await packTree(place('staged'), manifest).toArray());
      const result = await extractTar(inPieces(bytes, pieceSize), place('out'), { collisions: 'allow' });
      expect(result.refused).toEqual([]);
      expect(readTree(place('out'))).toEqual(readTree(place('seed')));
      expect(await diffManifests(manifest, (await manifestOf(place('out'))).manifest)).toEqual([]);
      rmSync(temp(directory), { recursive: true });
    }),
    { numRuns: 60, ...withinTime },
  );
}, 120_000);

it('damaging an archive anywhere never writes outside, hangs or throws anything untyped', async () => {
  const honest = archive(
    { name: 'd/', type: '5' },
    { name: 'd/f', data: 'x'.repeat(700) },
    pax({ path: 'd/long', size: '3' }),
    { name: 'x', data: 'abc' },
    raw({ name: '././@LongLink', type: 'L', data: 'd/gnu\0' }),
    { name: 'cut', data: 'g' },
    { name: 'd/l', type: '2', link: 'f' },
  );
  const change = fc.tuple(fc.nat(honest.byteLength - 1), fc.nat(255));
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 6 }), fc.nat(honest.byteLength), async (changes, length) => {
      const bytes = Buffer.from(honest.subarray(0, length));
      for (const [offset, value] of changes) if (offset < length) bytes[offset] = value;
      fixChecksums(bytes);
      run += 1;
      try {
        await extractTar(inPieces(bytes, 1000), temp('jail', String(run), 'out'), { maxBytes: 100_000 });
      } catch (error) {
        expect(error).toBeInstanceOf(RipcordError);
      }
      expect(Object.keys(readTree(temp()))).toEqual(['jail']);
      for (const inside of Object.keys(readTree(temp('jail', String(run))))) expect(inside).toBe('out');
      rmSync(temp('jail', String(run)), { recursive: true });
    }),
    { numRuns: 500, ...withinTime },
  );
}, 120_000);

/** Damage behind a checksum that says so would stay at the first check. */
function fixChecksums(bytes: Buffer): void {
  for (let offset = 0; offset + 512 <= bytes.byteLength; offset += 512) {
    const block = bytes.subarray(offset, offset + 512);
    if (block.toString('latin1', 257, 262) !== 'ustar') continue;
    block.fill(0x20, 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
}
