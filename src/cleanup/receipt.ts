/** The proof of a teardown: what was removed, and that it was looked for afterwards and not found. */
export interface SandboxReceipt {
  sandbox: string;
  container: { id: string | undefined; name: string; verifiedAbsent: boolean };
  directory: { path: string; verifiedAbsent: boolean };
  /** Commands that were running and died with it. */
  commandsKilled: number;
  durationMs: number;
  /**
   * Of a sandbox with `reuse`. Recycled: the container was not removed but reset and proven clean, and stands in the pool
   * for the next task of its trust domain; the manager's own receipt accounts for it. Else it was removed, and why.
   */
  reuse?: { recycled: true; resetMs: number } | { recycled: false; reason: string };
  /** What could not be done. Empty when all is well; the sweep and the watchdog try again. */
  errors: string[];
}

/** The receipt of a whole manager: `containers`, `volumes` and `directories` count what is left, by the engine's word. */
export interface Receipt {
  instance: string;
  /** Sandboxes made over the manager's life. */
  sandboxes: number;
  left: { containers: number; volumes: number; directories: number };
  durationMs: number;
  errors: string[];
}

/**
 * True when nothing went wrong, and nothing is left: of a manager on the engine and the disk; of a sandbox no container
 * and directory, or a container that was recycled, which is proven to hold nothing of its task.
 */
export function isClean(receipt: Receipt | SandboxReceipt): boolean {
  if (receipt.errors.length > 0) return false;
  if ('left' in receipt) return receipt.left.containers + receipt.left.volumes + receipt.left.directories === 0;
  return receipt.directory.verifiedAbsent && (receipt.container.verifiedAbsent || receipt.reuse?.recycled === true);
}

/** What is left, in words for people. */
export const describeLeft = ({ left }: Receipt): string =>
  `containers ${left.containers}, volumes ${left.volumes}, directories ${left.directories}`;
