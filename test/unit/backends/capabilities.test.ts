import { expect, it } from 'vitest';
import { type Capabilities, refuseUnkept } from '../../../src/backends/capabilities.js';
import { InvalidOptionsError } from '../../../src/base/errors.js';

const ALL: Capabilities = {
  bind: true,
  imageBuild: true,
  imageInspect: true,
  pidsLimit: true,
  inodeLimit: true,
  resize: true,
  reuse: true,
  pause: true,
  network: 'kernel',
  oom: 'process',
  survivesPipeLoss: false,
};

const refusal = (capabilities: Capabilities, given: object): unknown => {
  try {
    refuseUnkept('create', given, { capabilities, description: 'the engine of this test' });
    return undefined;
  } catch (error) {
    return error;
  }
};

const CASES = [
  ['bind', { workspace: { mode: 'bind', path: '/x' } }, "workspace.mode 'bind'"],
  ['pidsLimit', { limits: { pids: 99 } }, 'limits.pids'],
  ['inodeLimit', { limits: { files: 99 } }, 'limits.files'],
  ['inodeLimit', { limits: { homeFiles: 99 } }, 'limits.homeFiles'],
  ['inodeLimit', { limits: { tmpFiles: 99 } }, 'limits.tmpFiles'],
  ['reuse', { reuse: true }, 'reuse'],
  ['reuse', { reuse: 'a domain' }, 'reuse'],
] as const;

it.each(CASES)('without %s, %j is refused by name, with the engine and a way out', (capability, given, option) => {
  const error = refusal({ ...ALL, [capability]: false }, given);
  expect(error).toBeInstanceOf(InvalidOptionsError);
  expect(error).toMatchObject({
    code: 'invalid-options',
    message: expect.stringContaining(`create: ${option} `),
    hint: expect.stringMatching(/\w/),
    details: { option, capability },
  });
  expect((error as Error).message).toContain('the engine of this test');
  expect(refusal(ALL, given)).toBeUndefined();
});

it('no option that was left out, or asks for nothing, is refused', () => {
  const none = { ...ALL, bind: false, pidsLimit: false, inodeLimit: false, reuse: false };
  for (const given of [
    {},
    { limits: {} },
    { reuse: false },
    { workspace: { mode: 'copy' } },
    { limits: { memory: '1g' } },
  ]) {
    expect(refusal(none, given), JSON.stringify(given)).toBeUndefined();
  }
});
