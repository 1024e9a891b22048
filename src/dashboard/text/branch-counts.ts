/** How many branches of a task are where. */
interface BranchCount {
  phase: string;
  count: number;
}

/** In the order in which the branches stand. Each is counted once: the sum is how many there are. */
export function branchCounts(branches: readonly { phase: string }[]): BranchCount[] {
  const counts = new Map<string, number>();
  for (const { phase } of branches) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  return [...counts].map(([phase, count]) => ({ phase, count }));
}
