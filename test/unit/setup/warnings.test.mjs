import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { redirectingWarnings, unexpectedWarnings } from '../../../scripts/setup/warnings.mjs';

test('a warning of any process of a run is found once, with where it comes from', () => {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord warnings "'));
  try {
    const file = path.join(directory, 'warnings');
    const env = { PATH: process.env.PATH, NODE_OPTIONS: redirectingWarnings('--no-deprecation', file) };
    const node = (/** @type {string} */ code) =>
      execFileSync(process.execPath, ['-e', code], { env, encoding: 'utf8' });
    const leak = `const events = new (require('events'))(); for (let i = 0; i < 11; i++) events.on('x', () => {});`;
    const child = `require('child_process').execFileSync(process.execPath, ['-e', ${JSON.stringify(leak)}], { stdio: 'inherit' });`;
    expect([node(leak), node(child)]).toEqual(['', '']);
    node(`process.emitWarning('of another kind', { code: 'OWN1' })`);
    // The value that NODE_OPTIONS had still counts.
    node(`process.emitWarning('old', 'DeprecationWarning')`);
    const written = readFileSync(file, 'utf8');
    expect(written.match(/11 x listeners/g)).toHaveLength(2);
    expect(unexpectedWarnings(written)).toEqual([
      expect.stringMatching(/^MaxListenersExceededWarning: .*11 x listeners added to \[EventEmitter\](.*\n)+ +at /),
      expect.stringMatching(/^\[OWN1\] Warning: of another kind\n/),
    ]);
    expect(unexpectedWarnings(written, [{ text: /^MaxListeners/ }])).toEqual([expect.stringContaining('another kind')]);
    expect(unexpectedWarnings('')).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
