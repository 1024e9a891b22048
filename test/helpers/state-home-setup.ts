/**
 * A state home for a run of tests: none of them writes into that of the user who runs them, however they are started. A
 * global setup of vitest's. The processes that run tests, and those that they start, inherit the variable.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export default function setup(): (() => void) | undefined {
  const given = process.env.XDG_STATE_HOME;
  // By `npm test`, or by the setup of another kind of tests.
  if (given?.startsWith(tmpdir() + path.sep)) return undefined;
  const directory = mkdtempSync(path.join(tmpdir(), 'ripcord-state-'));
  process.env.XDG_STATE_HOME = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
