/** Every call of a step that takes a signal gets the step's, wherever its options stand. The compiler holds the list complete. */
import { expect, test } from 'vitest';
import { guardSandbox } from '../../../src/executor/sandbox/guarded-sandbox.js';
import { Scope } from '../../../src/executor/steps/scope.js';
import { statusOf } from '../../../src/http/error-status.js';

/** Each call returns what it was given. */
const echo = new Proxy(
  {},
  {
    get:
      () =>
      (...given: unknown[]) =>
        Promise.resolve(given),
  },
);

const CALLS: [part: 'files' | 'sandbox', name: string, before: unknown[]][] = [
  ['files', 'readStream', ['path']],
  ['files', 'readArchive', ['.']],
  ['files', 'writeArchive', ['.', []]],
  ['files', 'write', ['path', 'text']],
  ['sandbox', 'commit', ['target']],
  ['sandbox', 'prepareCommit', ['target']],
  ['sandbox', 'diff', []],
];

test.each(CALLS)('%s: %s', async (part, name, before) => {
  const scope = new Scope('verify');
  const given = Object.assign(Object.create(echo), { files: echo, ports: echo });
  const sandbox = guardSandbox(given, scope, { mode: 'none', emit: () => {} });
  const target = (part === 'files' ? sandbox.files : sandbox) as unknown as Record<
    string,
    (...args: unknown[]) => unknown
  >;
  const taken = (await target[name]!(...before)) as unknown[];
  expect(taken.slice(0, before.length)).toEqual(before);
  const { signal } = taken[before.length] as { signal: AbortSignal };
  expect(signal.aborted).toBe(false);
  scope.abort(new Error('enough'));
  expect(signal.aborted).toBe(true);
});

test('a commit that did not happen has a status of its own', () => {
  const codes = ['commit-conflict', 'commit-busy', 'commit-blocked', 'workspace-changed', 'commit-plan-invalid'];
  expect(codes.map(statusOf)).toEqual([409, 409, 409, 409, 400]);
  expect(['commit-flagged', 'commit-refused', 'commit-journal-invalid'].map(statusOf)).toEqual([422, 422, 500]);
});
