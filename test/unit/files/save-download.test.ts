import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { saveDownload } from '../../../src/files/save-download.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord-test-download-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

test('downloads into one directory in the same millisecond do not touch each other', async () => {
  vi.spyOn(Date, 'now').mockReturnValue(1_700_000_000_000);
  const names = Array.from({ length: 50 }, (_, index) => `file-${index}`);
  await Promise.all(names.map((name) => saveDownload(Buffer.from(name), path.join(directory, name), 1e12, undefined)));
  expect(readdirSync(directory).sort()).toEqual([...names].sort());
  for (const name of names) expect(readFileSync(path.join(directory, name), 'utf8')).toBe(name);
});

test('a download that cannot take its place leaves nothing and says which file it was', async () => {
  const to = path.join(directory, 'taken');
  mkdirSync(path.join(to, 'inner'), { recursive: true });
  await expect(saveDownload(Buffer.from('x'), to, 1e12, undefined)).rejects.toMatchObject({
    code: 'is-a-directory',
    message: expect.stringContaining(`Cannot write ${to}`),
  });
  expect(readdirSync(directory)).toEqual(['taken']);
});
