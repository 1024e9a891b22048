import { expect, test, vi } from 'vitest';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';
import { runPythonTests } from '../../../src/verify/python-run.js';
import { pytestSchema } from '../../../src/verify/test-options.js';

test('a pytest argument that is taken is refused before anything runs', async () => {
  const spawn = vi.fn();
  const sandbox = { parts: { user: '1000:1000' }, spawn } as unknown as Sandbox;
  const options = { kind: 'pytest', tests: { 'test_it.py': '' }, args: ['--junitxml=/tmp/mine'] };
  await expect(runPythonTests(sandbox, pytestSchema.parse(options))).rejects.toMatchObject({ code: 'invalid-options' });
  expect(spawn).not.toHaveBeenCalled();
});
