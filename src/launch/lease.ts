/**
 * Layer 3, the host's side: signs of life. The agent ends its sandbox when none came for the length of the lease; the
 * pipe's end tells it of a dead owner at once, so the lease is for a frozen one. The agent's answers are the same for the
 * host: a pipe whose other end lost its power stays open for ever, and only silence tells.
 */
import type { Logger } from '../base/logger.js';

export interface Leased {
  readonly id: string;
  readonly leaseMs: number;
  /** Resolves when the agent answers. */
  heartbeat(): Promise<void>;
  /** The agent did not answer for longer than its lease: by then it has ended its sandbox, if it is there at all. */
  lost(silentMs: number): void;
}

interface Life {
  beatAt: number;
  answeredAt: number;
}

/** Heartbeats a lease: three may be lost. */
const BEATS_PER_LEASE = 4;
/** Looks between two heartbeats, so that a thousand sandboxes do not all have their turn in one piece. */
const TICKS_PER_BEAT = 16;
/** Heartbeats a look, unless there are so many leases that half of a beat's time would not do. */
const AT_ONCE = 50;
/** Leases without an answer. More than one, so that the agent has given up before, and a paused one may come back. */
const PATIENCE = 2;
/** However short the lease: a machine under load answers late. */
const MIN_PATIENCE_MS = 5000;

/** Gives signs of life for a sandbox that is being made and is in no keeper's care yet. Returns what ends them. */
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

  /** One timer for all, as fast as the shortest lease so far asks; it does not keep the process alive. */
  #schedule(intervalMs: number): void {
    this.#intervalMs = intervalMs;
    this.#lookedAt = performance.now();
    clearInterval(this.#timer);
    this.#timer = intervalMs === 0 ? undefined : setInterval(() => this.#beat(), intervalMs).unref();
  }

  #beat(): void {
    const now = performance.now();
    // While this process stood still, answers may have come that nobody has read yet.
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
        // The pipe ended, which its owner is told.
        () => {},
      );
    }
  }
}
