/** What happens to the sandboxes of a manager, for a UI to follow. */
import type { SandboxReceipt } from '../cleanup/receipt.js';
import type { SweepReport } from '../cleanup/sweep.js';
import type { CommandResult } from '../command/outcome.js';
import type { EgressRecord } from '../egress/proxy.js';
import type { SandboxWarning } from '../launch/warnings.js';
import type { PoolEvent } from '../pool/pool-stats.js';
import type { SeedReport } from '../workspace/seed-report.js';

/** Events of `manager.on('event', …)`. `at` is in milliseconds since 1970. */
export type ManagerEvent =
  | { type: 'sandbox.creating'; sandbox: string; image: string; at: number }
  | CreatedEvent
  | { type: 'sandbox.warning'; sandbox: string; code: SandboxWarning['code']; message: string; at: number }
  /** Something of the seed could not be kept: sockets, devices, names that are not UTF-8. */
  | { type: 'seed.incomplete'; sandbox: string; report: SeedReport; at: number }
  | { type: 'sandbox.failed'; sandbox: string; error: string; hint?: string; at: number }
  | { type: 'sandbox.lost'; sandbox: string; reason: string; at: number }
  | { type: 'sandbox.closed'; sandbox: string; receipt: SandboxReceipt; at: number }
  | { type: 'swept'; report: SweepReport; at: number }
  | CommandEvent
  | EgressEvent
  | PoolEvent;

/** A sandbox is there. */
interface CreatedEvent {
  type: 'sandbox.created';
  sandbox: string;
  image: string;
  /** It came from the pool, made in advance or handed back. */
  pooled: boolean;
  /** @deprecated The same as `pooled`; it says nothing of a warm interpreter. */
  warm: boolean;
  durationMs: number;
  at: number;
}

export type CommandEvent =
  | { type: 'command.started'; sandbox: string; command: string; argv: readonly string[]; at: number }
  | { type: 'command.ended'; sandbox: string; command: string; result: CommandResult | undefined; at: number };

/** Something inside was let out, or was not. */
export type EgressEvent = { type: 'egress'; sandbox: string; at: number; record: EgressRecord };
