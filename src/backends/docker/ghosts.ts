const ENDING = new Set(['dead', 'removing']);

/**
 * Filters out listed containers that do not exist. If an engine is killed while it removes a container, it may list
 * that container as `dead` after its restart, although inspect and remove return 404 (seen with 20.10, twice in fewer
 * than twenty kills). Waiting for an empty list would then never end.
 */
export async function withoutGhosts<T extends { id: string; state: string }>(
  listed: readonly T[],
  isAbsent: (id: string) => Promise<boolean>,
): Promise<T[]> {
  const real = await Promise.all(listed.map(async ({ id, state }) => !ENDING.has(state) || !(await isAbsent(id))));
  return listed.filter((_, index) => real[index]);
}
