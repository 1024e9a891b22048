import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makeDirectories, makeDirectoriesSync } from '../../../src/base/make-directories.js';
import { modeOf, useTempDirectory } from '../../helpers/temp.js';

const temp = useTempDirectory();

describe.each([
  ['makeDirectories', makeDirectories],
  ['makeDirectoriesSync', async (...args: Parameters<typeof makeDirectoriesSync>) => makeDirectoriesSync(...args)],
])('%s', (_, make) => {
  it('makes what is missing, and says which was the first', async () => {
    expect(await make(temp('a', 'b', 'c'), 0o700)).toBe(temp('a'));
    expect(modeOf(temp('a', 'b'))).toBe(0o700);
    expect(await make(temp('a', 'b', 'c'))).toBeUndefined();
  });

  it('follows a link to a directory', async () => {
    await make(temp('real'));
    symlinkSync(temp('real'), temp('link'));
    expect(await make(temp('link', 'sub'))).toBe(temp('link', 'sub'));
    expect(existsSync(temp('real', 'sub'))).toBe(true);
  });

  it.runIf(process.platform === 'linux')('fails where the kernel lets nobody make a directory', async () => {
    await expect(make('/proc/nope')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(make('/proc/nope/deeper')).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('fails on a file and on a link to nowhere', async () => {
    writeFileSync(temp('file'), '');
    symlinkSync(temp('nowhere'), temp('link'));
    await expect(make(temp('file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(make(temp('file', 'sub'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(make(temp('link', 'sub'))).rejects.toMatchObject({ code: expect.stringMatching(/ENOENT|EEXIST/) });
  });
});
