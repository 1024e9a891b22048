import { createHook } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeTree } from '../../../src/base/remove-tree.js';
import { useTempDirectory } from '../../helpers/temp.js';

const temp = useTempDirectory();

function fill(directory: string, files: number): string {
  mkdirSync(directory, { recursive: true });
  for (let i = 0; i < files; i++) writeFileSync(join(directory, `${i}`), '');
  return directory;
}

describe('removing a tree', () => {
  it('takes files, links and fifos, however deep, and what links lead to stays', async () => {
    const root = temp('tree');
    fill(join(root, 'a/b/c'), 300);
    fill(join(root, 'd'), 3);
    const outside = fill(temp('outside'), 2);
    symlinkSync(outside, join(root, 'a/out'));
    symlinkSync('nowhere', join(root, 'broken'));
    execFileSync('mkfifo', [join(root, 'fifo')]);
    for (const mode of [0o000, 0o500]) chmodSync(join(root, mode ? 'd' : 'a/b/c'), mode);
    await removeTree(root);
    expect(existsSync(root)).toBe(false);
    expect(readdirSync(outside)).toHaveLength(2);
  });

  it('takes a file, a link alone, and nothing', async () => {
    const outside = fill(temp('outside'), 1);
    symlinkSync(outside, temp('link'));
    for (const name of ['link', 'outside/0', 'missing', 'missing/too']) await removeTree(temp(name));
    expect(existsSync(temp('link'))).toBe(false);
    expect(readdirSync(outside)).toEqual([]);
  });

  it('begins a few operations in a turn of the event loop, however many entries a directory has', async () => {
    const root = fill(temp('many'), 5000);
    let [begun, most] = [0, 0];
    const hook = createHook({ init: (_, type) => void (type.startsWith('FSREQ') && begun++) }).enable();
    const done = removeTree(root);
    for (let gone = false; !gone; [most, begun] = [Math.max(most, begun), 0]) {
      gone = await Promise.race([done.then(() => true), new Promise<boolean>((next) => setImmediate(next, false))]);
    }
    hook.disable();
    // Each batch of 256 is read and removed.
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(1000);
  });
});
