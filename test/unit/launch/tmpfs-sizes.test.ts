import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../../src/base/parse-options.js';
import { createSchema } from '../../../src/launch/options.js';
import { tmpfsSizes } from '../../../src/launch/tmpfs-sizes.js';

const MIB = 1024 ** 2;
const limitsOf = (limits: object) => parseOptions(createSchema, { limits }, 'create').limits;
const sizes = (limits: object) => tmpfsSizes(limitsOf(limits));
const sum = (all: Record<string, { bytes: number }>) =>
  Object.values(all).reduce((total, { bytes }) => total + bytes, 0);

describe('workspace, HOME and /tmp', () => {
  it('have their shares of the memory, 60 % of it together, and inodes by it', () => {
    expect(sizes({})).toEqual({
      workspace: { bytes: Math.floor(512 * MIB * 0.3), inodes: 65_536 },
      home: { bytes: Math.floor(512 * MIB * 0.16), inodes: 16_384 },
      tmp: { bytes: Math.floor(512 * MIB * 0.14), inodes: 16_384 },
    });
    expect(sizes({ memory: '8g' })).toMatchObject({ workspace: { inodes: 100_000 }, home: { inodes: 25_000 } });
  });

  it.each([
    { memory: '16m' },
    { memory: '96m' },
    { memory: '1t' },
    { workspace: '300m' },
    { workspace: '1m', home: '1m' },
    { tmp: '200m' },
    { workspace: '102m', home: '102m', tmp: '103m' },
  ])('take at most 60 %% of the memory with %j', (limits) => {
    const all = sizes(limits);
    expect(sum(all)).toBeLessThanOrEqual(limitsOf(limits).memory * 0.6);
    for (const { bytes, inodes } of Object.values(all)) {
      expect(bytes).toBeGreaterThanOrEqual(4096);
      expect(inodes).toBeGreaterThanOrEqual(16);
    }
  });

  it('are what is asked for; the rest keeps its share, or shares what is left', () => {
    expect(sizes({ tmp: '1m', homeFiles: 99, tmpFiles: 98, files: 97 })).toEqual({
      workspace: { bytes: Math.floor(512 * MIB * 0.3), inodes: 97 },
      home: { bytes: Math.floor(512 * MIB * 0.16), inodes: 99 },
      tmp: { bytes: MIB, inodes: 98 },
    });
    const { workspace, home, tmp } = sizes({ workspace: '255m' });
    expect(workspace.bytes).toBe(255 * MIB);
    expect(home.bytes / tmp.bytes).toBeCloseTo(16 / 14, 3);
  });

  it.each([
    [{ workspace: '400m' }, /limits.*60 % of memory together \(322122547 bytes\), and take 419430400/],
    [{ workspace: '200m', home: '50m', tmp: '80m' }, /60 % of memory/],
    [{ memory: '32m', workspace: '19m', home: '204k' }, /leave nothing for tmp/],
    [{ tmp: 0 }, /limits\.tmp.*at least one page/],
    [{ home: '1k' }, /limits\.home.*at least one page/],
    [{ homeFiles: 0 }, /limits\.homeFiles/],
    [{ tmpFiles: 1.5 }, /limits\.tmpFiles/],
  ])('are refused where they do not fit: %j', (limits, message) => {
    expect(() => limitsOf(limits)).toThrow(message);
  });
});
