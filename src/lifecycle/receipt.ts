/** The proof of a teardown: what was removed, and that it was looked for afterwards and not found. */
export interface SandboxReceipt {
  sandbox: string;
  container: { id: string | undefined; name: string; verifiedAbsent: boolean };
  directory: { path: string; verifiedAbsent: boolean };
  /** Commands that were running and died with it. */
  commandsKilled: number;
  durationMs: number;
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

/** True when nothing is left and nothing went wrong. */
export const isClean = (receipt: Receipt): boolean =>
  receipt.errors.length === 0 && receipt.left.containers + receipt.left.volumes + receipt.left.directories === 0;

/** What is left, in words for people. */
export const describeLeft = ({ left }: Receipt): string =>
  `containers ${left.containers}, volumes ${left.volumes}, directories ${left.directories}`;
