/** State that all containers of one manager share. */
import type { Backend } from '../backends/backend.js';
import type { Semaphore } from '../base/semaphore.js';
import type { CpuTurn } from './cpu-turn.js';
import type { LeaseKeeper } from './lease.js';
import type { UidSlots } from './uid-slots.js';

export interface LaunchContext {
  readonly backend: Backend;
  readonly instance: string;
  readonly instanceDir: string;
  /** Limit of containers that are created and started at once. */
  readonly gate: Semaphore;
  readonly leases: LeaseKeeper;
  readonly cpuTurn: CpuTurn;
  /** Allocator of uids. If `undefined`, sandboxes have no uids of their own. */
  readonly uidSlots: UidSlots | undefined;
  /** Time in milliseconds that an agent has to end by itself. After it the container is removed anyway. */
  goodbyeMs: number;
}
