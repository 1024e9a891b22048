/**
 * Layer 3 of teardown, the host's side: heartbeats. If no heartbeat arrives within the lease, the agent ends its
 * sandbox. The agent sees a dead owner at once, because the pipe ends; the lease is for a frozen owner. The host
 * watches the agent's answers in the same way: if the machine at the other end of the pipe lost its power, the pipe
 * stays open for ever.
 */
import type { Logger } from '../base/logger.js';

export interface Leased {
  readonly id: string;
  readonly leaseMs: number;
  /** Sends a heartbeat. Resolves when the agent answers. */
  heartbeat(): Promise<void>;
  /**
   * Called if the agent did not answer for longer than its lease. By then the agent has ended its sandbox, if it still
   * runs.
   */
  lost(silentMs: number): void;
}

interface Life {
  beatAt: number;
  answeredAt: number;
}

/** Number of heartbeats per lease. Three of them may be lost. */
const BEATS_PER_LEASE = 4;
/**
 * Number of timer ticks between two heartbeats, so that a thousand sandboxes do not all get their heartbeat in one
 * tick.
 */
const TICKS_PER_BEAT = 16;
/**
 * Minimum number of heartbeats per tick. It is higher if so many leases are held that all could not get theirs in half
 * the interval.
 */
const AT_ONCE = 50;
/**
 * Number of leases without an answer after which a sandbox is lost. It is more than one, so that the agent gives up
 * first and a paused agent can recover.
 */
const PATIENCE = 2;
/**
 * Minimum time in milliseconds before a sandbox is lost, also with a short lease: a machine under load answers late.
 */
const MIN_PATIENCE_MS = 5000;

/**
 * Sends heartbeats for a sandbox that is being created and is not in a LeaseKeeper yet. Returns a function that stops
 * them.
 */
export function beat(client: { ping(): Promise<void> }, leaseMs: number): () => void {
  const timer = setInterval(() => client.ping().catch(() => {}), leaseMs / BEATS_PER_LEASE);
  return () => clearInterval(timer);
}

export class LeaseKeeper {
  readonly #leased = new Map<Leased, Life>();
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | undefined;
  #intervalMs = 0;
  #lookedAt = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  add(leased: Leased): void {
    const now = performance.now();
    this.#leased.set(leased, { beatAt: now, answeredAt: now });
    const intervalMs = leased.leaseMs / (BEATS_PER_LEASE * TICKS_PER_BEAT);
    if (this.#intervalMs === 0 || intervalMs < this.#intervalMs) this.#schedule(intervalMs);
  }

  delete(leased: Leased): void {
    this.#leased.delete(leased);
    if (this.#leased.size === 0) this.#schedule(0);
  }

  /** Sets one timer for all leases, as fast as the shortest one needs. The timer does not keep the process alive. */
  #schedule(intervalMs: number): void {
    this.#intervalMs = intervalMs;
    this.#lookedAt = performance.now();
    clearInterval(this.#timer);
    this.#timer = intervalMs === 0 ? undefined : setInterval(() => this.#beat(), intervalMs).unref();
  }

  #beat(): void {
    const now = performance.now();
    // While this process was blocked, answers may have arrived that are not read yet.
    const stoodStillMs = Math.max(0, now - this.#lookedAt - this.#intervalMs);
    this.#lookedAt = now;
    let left = Math.max(AT_ONCE, Math.ceil((this.#leased.size * 2) / TICKS_PER_BEAT));
    for (const [leased, life] of this.#leased) {
      life.answeredAt += stoodStillMs;
      const unansweredMs = now - life.answeredAt;
      if (unansweredMs > Math.max(leased.leaseMs * PATIENCE, MIN_PATIENCE_MS)) {
        this.#leased.delete(leased);
        leased.lost(unansweredMs);
        continue;
      }
      const due = leased.leaseMs / BEATS_PER_LEASE;
      const silent = now - life.beatAt;
      if (silent < due - this.#intervalMs || left === 0) continue;
      left--;
      if (silent > leased.leaseMs / 2) {
        this.#logger.warn(
          { sandbox: leased.id, silentMs: Math.round(silent), leaseMs: leased.leaseMs },
          'the event loop was blocked; the sandbox would have ended at the length of its lease',
        );
      }
      life.beatAt = now;
      leased.heartbeat().then(
        () => {
          life.answeredAt = performance.now();
        },
        // The pipe ended, which is reported to the owner of the lease.
        () => {},
      );
    }
  }
}
