/** Events about the sandboxes of a manager, for user interfaces. */
import type { SandboxReceipt } from '../cleanup/receipt.js';
import type { SweepReport } from '../cleanup/sweep.js';
import type { CommandResult } from '../command/outcome.js';
import type { EgressRecord } from '../egress/proxy.js';
import type { SandboxWarning } from '../launch/warnings.js';
import type { PoolEvent } from '../pool/pool-stats.js';
import type { SeedReport } from '../workspace/seed-report.js';

/** Events of `manager.on('event', …)`. `at` is in milliseconds since 1970. */
export type ManagerEvent =
  /** A call of `create()` began. */
  | { type: 'sandbox.creating'; sandbox: string; image: string; at: number }
  | CreatedEvent
  /** A limit or option is weaker than asked for on this engine: `sandbox.warnings` has it, too. */
  | { type: 'sandbox.warning'; sandbox: string; code: SandboxWarning['code']; message: string; at: number }
  /** Some entries of the seed could not be copied: sockets, devices, names that are not UTF-8. */
  | { type: 'seed.incomplete'; sandbox: string; report: SeedReport; at: number }
  /** A call of `create()` failed. */
  | { type: 'sandbox.failed'; sandbox: string; error: string; hint?: string; at: number }
  /** A sandbox ended without `close()`. */
  | { type: 'sandbox.lost'; sandbox: string; reason: string; at: number }
  /** A sandbox was closed. `receipt` lists removed objects that were verified absent. */
  | { type: 'sandbox.closed'; sandbox: string; receipt: SandboxReceipt; at: number }
  /** The sweep of leftovers of dead owners ended. */
  | { type: 'swept'; report: SweepReport; at: number }
  | CommandEvent
  | EgressEvent
  | PoolEvent;

/** A call of `create()` resolved. */
interface CreatedEvent {
  type: 'sandbox.created';
  sandbox: string;
  image: string;
  /** True if it came from the pool, made in advance or handed back. */
  pooled: boolean;
  /** @deprecated Use `pooled`. This does not refer to a warm interpreter. */
  warm: boolean;
  durationMs: number;
  at: number;
}

export type CommandEvent =
  /** A command started. */
  | { type: 'command.started'; sandbox: string; command: string; argv: readonly string[]; at: number }
  /** A command ended. `result` is undefined if it was aborted or failed. */
  | { type: 'command.ended'; sandbox: string; command: string; result: CommandResult | undefined; at: number };

/** Result of one connection to the network. */
export type EgressEvent =
  /** A connection to the network was allowed and ended, or was denied. */
  { type: 'egress'; sandbox: string; at: number; record: EgressRecord };
