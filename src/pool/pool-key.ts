/** Computes the key of a pooled sandbox: options with the same key can be served by the same sandbox. */

import { InvalidOptionsError } from '../base/errors.js';
import { parseOptions } from '../base/parse-options.js';
import { programBytes, shmBytes } from '../launch/container-spec.js';
import { type CreateOptions, createSchema, type ResolvedCreateOptions } from '../launch/options.js';
import { tmpfsSizes } from '../launch/tmpfs-sizes.js';
import type { ResolvedPool } from './pool-options.js';

/** Maximum age of a pooled sandbox. A pooled sandbox has no owner whose lifetime limit could apply. */
const POOLED_LIFETIME_MS = 24 * 3_600_000;
export const POOLED_LEASE_MS = 60_000;

/**
 * Returns the key of `options`; `undefined` if such a sandbox cannot be created in advance. Options with the same key
 * are served by the same sandboxes. All other options are set at the claim: seed, environment, cwd, egress list,
 * lifetime and lease.
 */
export function poolKey(options: ResolvedCreateOptions): string | undefined {
  const mould = mouldKey(options);
  if (mould === undefined) return undefined;
  const { memory, cpus, pids } = options.limits;
  return JSON.stringify([mould, memory, cpus, pids]);
}

/** Cached keys: the pool needs them several times in the life of each sandbox. */
const moulds = new WeakMap<ResolvedCreateOptions, string>();

/**
 * Returns the part of the key that is fixed once a container is created. Sandboxes with the same part differ in limits
 * that can be changed.
 */
export function mouldKey(options: ResolvedCreateOptions): string | undefined {
  if (options.workspace.mode === 'bind') return undefined;
  let key = moulds.get(options);
  if (key === undefined) moulds.set(options, (key = composeKey(options)));
  return key;
}

function composeKey(options: ResolvedCreateOptions): string {
  const { image, limits, network, user, uids, runtime, rootfs, warm, labels } = options;
  const { openFiles, cpuset } = limits;
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const { workspace, home, tmp } = tmpfsSizes(limits);
  // The pinning is part of the key, because engines have no call that removes it from a container.
  const sizes = [workspace, home, tmp, programBytes(limits), shmBytes(limits), openFiles, cpuset];
  return JSON.stringify([image, sizes, network === 'bridge', user, uids, runtime, rootfs, warm, sorted]);
}

const DEFAULTS = createSchema.parse({});

/** Returns the options that a pooled sandbox with the key of `options` is created with. */
export function pooledOptions(options: ResolvedCreateOptions): ResolvedCreateOptions {
  const { image, limits, network, user, uids, runtime, rootfs, warm, labels, createTimeoutMs } = options;
  return {
    ...DEFAULTS,
    image,
    limits,
    network: network === 'bridge' ? 'bridge' : 'none',
    user,
    uids,
    runtime,
    rootfs,
    warm,
    labels,
    createTimeoutMs,
    lifetimeMs: POOLED_LIFETIME_MS,
    leaseMs: POOLED_LEASE_MS,
  };
}

/** Returns the complete options of the entries of `keep`, with the manager's defaults. */
export function keptOptions(
  pool: ResolvedPool,
  defaults: Omit<CreateOptions, 'signal'>,
): { options: ResolvedCreateOptions; size: number }[] {
  return pool.keep.map(({ size, ...entry }, index) => {
    const given = Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined));
    const options = parseOptions(createSchema, { ...defaults, ...given }, `open: pool.${index}`);
    if (poolKey(options) === undefined) {
      throw new InvalidOptionsError(`open: pool.${index}: a sandbox with a bind mount cannot be made in advance`, {
        hint: "Leave `workspace: { mode: 'bind' }` out of the manager's defaults.",
      });
    }
    return { options: pooledOptions(options), size };
  });
}
