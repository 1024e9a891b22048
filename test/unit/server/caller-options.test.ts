import { expect, it } from 'vitest';
import type { CreateOptions } from '../../../src/launch/options.js';
import type { Sandbox } from '../../../src/sandbox/sandbox.js';
import type { SandboxManager } from '../../../src/sandbox/sandbox-manager.js';
import { callersSchema } from '../../../src/server/options.js';
import { Ownership } from '../../../src/server/ownership.js';
import { ServedSandboxes } from '../../../src/server/served-sandboxes.js';
import { callerCreateSchema } from '../../../src/wire/sandboxes.js';

/** The options a caller's sandbox is made with. */
async function made(asked: object, callers: object = {}): Promise<CreateOptions> {
  let options: CreateOptions = {};
  const manager = {
    list: () => [],
    create: async (given: CreateOptions) => {
      options = given;
      return {} as Sandbox;
    },
  } as unknown as SandboxManager;
  const sandboxes = new ServedSandboxes(manager, new Ownership(), callersSchema.parse(callers));
  const { signal } = new AbortController();
  await sandboxes.create({ name: 'a', operator: false }, callerCreateSchema.parse(asked), signal);
  return options;
}

it('labels of callers have a namespace of their own, where they mean nothing to other programs', async () => {
  const { labels } = await made({ labels: { 'com.docker.compose.project': 'x', task: '7' } });
  expect(labels).toEqual({ 'ripcord.label.com.docker.compose.project': 'x', 'ripcord.label.task': '7' });
  expect(() => callerCreateSchema.parse({ labels: { 'ripcord.owner': 'x' } })).toThrow('reserved');
});

it('what the operator says of the network is for every sandbox that has one', async () => {
  const callers = { allowEgress: ['a.example.org'], ca: 'pem', upstreamProxy: 'env' };
  const { network } = await made({ network: { allow: ['a.example.org'] } }, callers);
  expect(network).toMatchObject({ allow: ['a.example.org'], ca: 'pem', upstreamProxy: 'env' });
  expect((await made({}, callers)).network).toBe('none');
});

it('callers get as many sockets as the operator gives', async () => {
  const callers = { maxSandboxSockets: 100 };
  expect((await made({ limits: { sockets: 100 } }, callers)).limits).toMatchObject({ sockets: 100 });
  await expect(made({ limits: { sockets: 101 } }, callers)).rejects.toThrow(/limits\.sockets: 101 is more .*100/);
});
