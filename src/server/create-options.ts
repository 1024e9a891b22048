/** Checks the `create()` options of callers against the limits of this server. */
import type { z } from 'zod';
import { InvalidOptionsError, RipcordError } from '../base/errors.js';
import { isCatalogName } from '../images/catalog.js';
import type { callerCreateSchema } from '../wire/sandboxes.js';
import { checkEgress } from './caller-egress.js';
import type { CallerPolicy } from './options.js';

export type CallerCreateOptions = z.output<typeof callerCreateSchema>;

/** @throws RipcordError `forbidden` for an image, runtime or host that callers may not use; InvalidOptionsError */
export function checkCreate(options: CallerCreateOptions, policy: CallerPolicy): void {
  const { image, limits, network, runtime, lifetimeMs } = options;
  const { allowImages, allowRuntimes } = policy;
  if (!isCatalogName(image) && !allowImages.includes(image) && !allowImages.includes('*')) {
    throw new RipcordError('forbidden', `Callers of this server may not use the image '${image}'`, {
      hint: 'The operator can allow more images: ripcord serve --allow-image NAME',
    });
  }
  if (runtime !== undefined && !allowRuntimes.includes(runtime)) {
    throw new RipcordError('forbidden', `Callers of this server may not choose the runtime '${runtime}'`, {
      hint: 'The operator can allow more runtimes: ripcord serve --allow-runtime NAME',
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
  if (value > most)
    throw new InvalidOptionsError(`${name}: ${value} is more than the maximum of this server (${most})`);
}
