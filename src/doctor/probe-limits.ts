/** Limits of the probe. They are small, so that reaching them costs little. */
export const PROBE_LIMITS = { memory: '64m', cpus: 0.5, pids: 32 } as const;
