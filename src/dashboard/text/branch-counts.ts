/** Number of branches in a phase. */
interface BranchCount {
  phase: string;
  count: number;
}

/** Counts the branches by phase, in the order of the branches. Each branch is counted once. */
export function branchCounts(branches: readonly { phase: string }[]): BranchCount[] {
  const counts = new Map<string, number>();
  for (const { phase } of branches) counts.set(phase, (counts.get(phase) ?? 0) + 1);
  return [...counts].map(([phase, count]) => ({ phase, count }));
}
