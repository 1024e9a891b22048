import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test, vi } from 'vitest';
import { createProgress } from '../../../scripts/setup/progress.mjs';

/** @param {object} properties */
function output(properties = {}) {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return Object.assign(stream, properties, { text: () => text });
}

describe('the progress of the set-up', () => {
  test('is plain lines without a terminal: when a step begins, and how it ended', async () => {
    const out = output();
    const progress = createProgress(/** @type {never} */ (out));
    await expect(progress.run('work', async () => 7)).resolves.toBe(7);
    await expect(progress.run('more', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(out.text()).toMatch(/^ {2}work …\n✓ work \(0\.\d s\)\n {2}more …\n✗ more \(0\.\d s\)\n$/);
  });

  test('says that a long step lives', async () => {
    vi.useFakeTimers();
    try {
      const out = output();
      const progress = createProgress(/** @type {never} */ (out));
      const work = progress.run('work', async (step) => {
        step.say('half of it');
        await vi.advanceTimersByTimeAsync(16_000);
      });
      await work;
      expect(out.text()).toContain('… work (15.0 s, half of it)');
    } finally {
      vi.useRealTimers();
    }
  });

  test('is one live line on a terminal, never longer than it is wide', async () => {
    vi.stubEnv('CI', '');
    vi.stubEnv('TERM', 'xterm');
    vi.useFakeTimers();
    try {
      const out = output({ isTTY: true, columns: 40 });
      const progress = createProgress(/** @type {never} */ (out));
      await progress.run('work', async (step) => {
        step.say('x'.repeat(500));
        await vi.advanceTimersByTimeAsync(250);
      });
      const frames = out.text().split('\r\x1b[K').slice(1, -1);
      expect(frames.length).toBeGreaterThan(0);
      for (const frame of frames) expect(stripVTControlCharacters(frame).length).toBeLessThanOrEqual(40);
    } finally {
      vi.useRealTimers();
      vi.unstubAllEnvs();
    }
  });
});
