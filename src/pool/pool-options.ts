/** Options of `SandboxManager.open({ pool })`. */
import { z } from 'zod';
import { milliseconds } from '../base/option-fields.js';
import { parseOptions } from '../base/parse-options.js';
import type { CreateOptions } from '../launch/options.js';

/** A kind of sandboxes to keep ready. Options that are unset come from the manager's `defaults`. */
export interface PoolEntry
  extends Pick<CreateOptions, 'image' | 'limits' | 'user' | 'uids' | 'runtime' | 'rootfs' | 'warm' | 'labels'> {
  /** Number of sandboxes of this kind, 1 to 1000. */
  size: number;
  /** Network access. If unset, the manager's default, else `none`. `none` also serves a `create()` with `network: { allow }`. */
  network?: 'none' | 'bridge' | undefined;
}

/** Settings of the pool of sandboxes made in advance. */
export interface PoolSettings {
  /**
   * Sandboxes to keep ready for as long as the manager is open.
   * @default []
   */
  keep?: PoolEntry[] | undefined;
  /**
   * Learning: the pool also keeps sandboxes ready of kinds that `create()` is called for.
   * @default false
   */
  learn?: boolean | undefined;
  /** Maximum number of unused sandboxes of all kinds together. If unset, 8 more than `keep` asks for. */
  max?: number | undefined;
  /**
   * Time in milliseconds after which a sandbox that was learnt or handed back is removed, if no `create()` took one of its kind.
   * @default 300_000 (5 min)
   */
  idleMs?: number | undefined;
  /**
   * Maximum number of sandboxes made at once in the background.
   * @default 1
   */
  concurrency?: number | undefined;
}

/** Pool of a manager: a list of sandboxes to keep ready, or all settings. */
export type PoolOptions = PoolEntry[] | PoolSettings;

// Field that is checked by the schema of `create()`, after the manager's defaults are added.
const asCreate = z.unknown().optional();

export const poolEntrySchema = z.strictObject({
  size: z.number().int().min(1).max(1000),
  image: asCreate,
  limits: asCreate,
  network: z.enum(['none', 'bridge']).optional(),
  user: asCreate,
  uids: asCreate,
  runtime: asCreate,
  rootfs: asCreate,
  warm: asCreate,
  labels: asCreate,
});

export const poolSchema = z.strictObject({
  keep: z.array(poolEntrySchema).default([]),
  learn: z.boolean().default(false),
  max: z.number().int().min(1).max(1000).optional(),
  idleMs: milliseconds.default(300_000),
  concurrency: z.number().int().min(1).max(64).default(1),
});

const SPARE = 8;

export type ResolvedPool = Omit<z.output<typeof poolSchema>, 'max'> & { max: number };

/**
 * Checks the options and computes the default of `max`.
 * @throws InvalidOptionsError
 */
export function parsePool(options: unknown): ResolvedPool {
  const { max, ...pool } = parseOptions(poolSchema, Array.isArray(options) ? { keep: options } : options, 'open: pool');
  const asked = pool.keep.reduce((sum, { size }) => sum + size, 0);
  return { ...pool, max: Math.max(asked, max ?? asked + SPARE) };
}
