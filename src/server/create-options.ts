/** What a caller may ask of a sandbox: less than the library gives. Nothing of the host, no root, no engine options. */
import { z } from 'zod';
import { InvalidOptionsError, RipcordError } from '../base/errors.js';
import { networkSchema } from '../egress/options.js';
import { isCatalogName } from '../images/catalog.js';
import { createSchema, limitsSchema } from '../launch/options.js';
import { checkEgress } from './caller-egress.js';
import type { CallerPolicy } from './options.js';

export const callerNetworkSchema = networkSchema.pick({
  allow: true,
  deny: true,
  ports: true,
  maxBytes: true,
  maxConnections: true,
});

/** `POST /v1/sandboxes` */
export const callerCreateSchema = createSchema
  .pick({
    image: true,
    env: true,
    cwd: true,
    lifetimeMs: true,
    runtime: true,
    labels: true,
    createTimeoutMs: true,
    warm: true,
  })
  .extend({
    /** Which CPUs are theirs is not for callers to say. */
    limits: limitsSchema.safeExtend({ cpuset: z.boolean().default(false) }).prefault({}),
    network: z.union([z.literal('none'), callerNetworkSchema]).default('none'),
    /** As the library's; a trust domain is the token's own, whatever it is called. */
    reuse: z.union([z.boolean(), z.string().min(1).max(64)]).default(false),
  });

export type CallerCreateOptions = z.output<typeof callerCreateSchema>;

/** @throws RipcordError `forbidden` for what this server does not give to callers; InvalidOptionsError */
export function checkCreate(options: CallerCreateOptions, policy: CallerPolicy): void {
  const { image, limits, network, runtime, lifetimeMs } = options;
  const { allowImages, allowRuntimes } = policy;
  if (!isCatalogName(image) && !allowImages.includes(image) && !allowImages.includes('*')) {
    throw new RipcordError('forbidden', `Callers of this server may not use the image '${image}'`, {
      hint: 'It is started with --allow-image for further ones.',
    });
  }
  if (runtime !== undefined && !allowRuntimes.includes(runtime)) {
    throw new RipcordError('forbidden', `Callers of this server may not choose the runtime '${runtime}'`, {
      hint: 'It is started with --allow-runtime for further ones.',
    });
  }
  atMost('limits.memory', limits.memory, policy.maxMemory);
  atMost('limits.cpus', limits.cpus, policy.maxCpus);
  atMost('limits.pids', limits.pids, policy.maxPids);
  atMost('limits.sockets', limits.sockets ?? 0, policy.maxSandboxSockets);
  checkLifetime(lifetimeMs, policy);
  if (network !== 'none') checkEgress(network, policy.allowEgress);
}

export function checkLifetime(lifetimeMs: number, policy: CallerPolicy): void {
  atMost('lifetimeMs', lifetimeMs, policy.maxLifetimeMs);
}

function atMost(name: string, value: number, most: number): void {
  if (value > most) throw new InvalidOptionsError(`${name}: ${value} is more than this server gives (${most})`);
}
