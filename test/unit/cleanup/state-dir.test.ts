import { existsSync, mkdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { closeStateRoot, openStateRoot } from '../../../src/cleanup/state-dir.js';
import { modeOf, useTempDirectory } from '../../helpers/temp.js';

const temp = useTempDirectory();

describe('the state directory', () => {
  it('is removed when it was made here, by any process that finds it empty', () => {
    openStateRoot(temp('a/root'));
    openStateRoot(temp('a/root'));
    expect(modeOf(temp('a/root')) & 0o777).toBe(0o700);
    closeStateRoot(temp('a/root'));
    expect(existsSync(temp('a/root'))).toBe(false);
  });

  it('stays when it was there before, although it is empty', () => {
    for (const mode of [0o700, 0o755]) {
      const root = temp(`mine-${mode}`);
      mkdirSync(root, { mode });
      openStateRoot(root);
      closeStateRoot(root);
      expect(existsSync(root)).toBe(true);
    }
  });
});
