import { expect, it } from 'vitest';
import { engineError } from '../../../src/backends/docker/engine-error.js';
import { seccompOption } from '../../../src/backends/docker/seccomp.js';

it('an engine without seccomp is told about in words', () => {
  const said = 'seccomp is not enabled in your kernel, cannot run a custom seccomp profile';
  const error = engineError({ statusCode: 500, json: { message: said } }, 'starting a container', 'unix:///engine');
  expect(error).toMatchObject({ code: 'engine-error', message: `The engine failed at starting a container: ${said}` });
  expect(error.hint).toContain('CONFIG_SECCOMP_FILTER');
});

it('the seccomp profile goes out as one value, made once', () => {
  expect(seccompOption()).toMatch(/^seccomp=\{"defaultAction":"SCMP_ACT_ERRNO",/);
  expect(seccompOption()).toBe(seccompOption());
  expect(seccompOption().length).toBeLessThan(12_000);
});
