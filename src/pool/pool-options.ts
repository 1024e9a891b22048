/** `SandboxManager.open({ pool })` */
import { z } from 'zod';
import { milliseconds } from '../base/option-fields.js';
import { parseOptions } from '../base/parse-options.js';
import type { CreateOptions } from '../launch/options.js';

/** Options that are fixed once a container is made: a ready sandbox fits a `create()` that asks for the same. */
type Fixed = Pick<CreateOptions, 'image' | 'limits' | 'user' | 'uids' | 'runtime' | 'rootfs' | 'warm' | 'labels'> & {
  /** `none` (default) also serves a `create()` with `network: { allow }`. */
  network?: 'none' | 'bridge' | undefined;
};

/** Sandboxes to keep ready. What is left out comes from the manager's `defaults`. */
export type PoolEntry = Fixed & {
  /** How many. */
  size: number;
};

// Checked as `create()` would, once the manager's defaults are there.
const asCreate = z.unknown().optional();

const entrySchema = z.strictObject({
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

const poolSchema = z.strictObject({
  /** Kept ready for as long as the manager is open. */
  keep: z.array(entrySchema).default([]),
  /** Keep ready, too, what `create()` is seen to ask for. Default false. */
  learn: z.boolean().default(false),
  /** Sandboxes that nobody uses, at a time, all kinds together. Default: 8 more than `keep` asks for. */
  max: z.number().int().min(1).max(1000).optional(),
  /** What was learnt or handed back is removed when nobody has claimed its like for so long. Default 5 min. */
  idleMs: milliseconds.default(300_000),
  /** Sandboxes made at a time in the background. Default 1. */
  concurrency: z.number().int().min(1).max(64).default(1),
});

const SPARE = 8;

export type PoolOptions = PoolEntry[] | (Omit<z.input<typeof poolSchema>, 'keep'> & { keep?: PoolEntry[] | undefined });
export type ResolvedPool = Omit<z.output<typeof poolSchema>, 'max'> & { max: number };

/** @throws InvalidOptionsError */
export function parsePool(options: unknown): ResolvedPool {
  const { max, ...pool } = parseOptions(poolSchema, Array.isArray(options) ? { keep: options } : options, 'open: pool');
  const asked = pool.keep.reduce((sum, { size }) => sum + size, 0);
  return { ...pool, max: Math.max(asked, max ?? asked + SPARE) };
}
