/** The proof of a teardown: the removed objects, each checked to be absent afterwards. */
export interface SandboxReceipt {
  sandbox: string;
  container: { id: string | undefined; name: string; verifiedAbsent: boolean };
  directory: { path: string; verifiedAbsent: boolean };
  /** Number of running commands that were killed. */
  commandsKilled: number;
  durationMs: number;
  /**
   * Set for a sandbox with `reuse`. Recycled: the container was not removed, but reset and proven clean. It waits in
   * the pool for the next task of its trust domain, and the manager's own receipt accounts for it. Otherwise it was
   * removed, for the given reason.
   */
  reuse?: { recycled: true; resetMs: number } | { recycled: false; reason: string };
  /** Failed steps. Empty on success. The sweep and the watchdog try again. */
  errors: string[];
}

/**
 * The receipt of a whole manager. `containers`, `volumes` and `directories` count the leftovers that the engine and the
 * file system still show.
 */
export interface Receipt {
  instance: string;
  /** Number of sandboxes created during the manager's life. */
  sandboxes: number;
  left: { containers: number; volumes: number; directories: number };
  durationMs: number;
  errors: string[];
}

/**
 * Returns true if no step failed and nothing is left. For a manager: no container, volume or directory. For a sandbox:
 * no container and directory, or a recycled container that is proven to hold nothing of its task.
 */
export function isClean(receipt: Receipt | SandboxReceipt): boolean {
  if (receipt.errors.length > 0) return false;
  if ('left' in receipt) return receipt.left.containers + receipt.left.volumes + receipt.left.directories === 0;
  return receipt.directory.verifiedAbsent && (receipt.container.verifiedAbsent || receipt.reuse?.recycled === true);
}

/** Returns the leftovers as readable text. */
export const describeLeft = ({ left }: Receipt): string =>
  `containers ${left.containers}, volumes ${left.volumes}, directories ${left.directories}`;
