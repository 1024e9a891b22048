/** What all containers of one manager share. */
import type { Backend } from '../backends/backend.js';
import type { Semaphore } from '../base/semaphore.js';
import type { CpuTurn } from './cpu-turn.js';
import type { LeaseKeeper } from './lease.js';
import type { UidSlots } from './uid-slots.js';

export interface LaunchContext {
  readonly backend: Backend;
  readonly instance: string;
  readonly instanceDir: string;
  /** Limits how many containers are made and started at once. */
  readonly gate: Semaphore;
  readonly leases: LeaseKeeper;
  readonly cpuTurn: CpuTurn;
  /** `undefined`: no sandbox has a uid of its own. */
  readonly uidSlots: UidSlots | undefined;
  /** Time in milliseconds that an agent gets to end by itself before its container is removed regardless. */
  goodbyeMs: number;
}
