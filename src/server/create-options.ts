/** What this server lets a caller ask of a sandbox. */
import type { z } from 'zod';
import { InvalidOptionsError, RipcordError } from '../base/errors.js';
import { isCatalogName } from '../images/catalog.js';
import type { callerCreateSchema } from '../wire/sandboxes.js';
import { checkEgress } from './caller-egress.js';
import type { CallerPolicy } from './options.js';

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
