/** Small, so that reaching the limits costs the machine nothing. */
export const PROBE_LIMITS = { memory: '64m', cpus: 0.5, pids: 32 } as const;
