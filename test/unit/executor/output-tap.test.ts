/** Commands' output as events: nothing in it steers, reorders or hides the neighbouring text of a watcher. */
import { expect, test } from 'vitest';
import { type OutputMode, tapped } from '../../../src/executor/sandbox/output-tap.js';

const HOSTILE = 'a\u001b[31mb\u001b[0m\u0000c\u202ed\u2066e\r\n\tf';

test.each<OutputMode>(['end', 'live'])('output events in mode %s hold text, tabs and newlines only', async (mode) => {
  const texts: string[] = [];
  const emit = (_channel: string, text: string) => void texts.push(text);
  await tapped(mode, emit, {}, async ({ onStdout }) => {
    await onStdout?.(HOSTILE as never);
    return { stdout: HOSTILE, stderr: '', stdoutBytes: HOSTILE.length, stderrBytes: 0 } as never;
  });
  expect(texts).toEqual(['abcde\n\tf']);
});
