const ENDING = new Set(['dead', 'removing']);

/**
 * Leaves out what is listed but does not exist. An engine that was killed while it removed a container can, once it is
 * back, list it as `dead` for as long as it runs, though inspecting and removing it say 404 (seen with 20.10, twice
 * in fewer than twenty kills). Somebody who waits for the list to be empty would wait for ever.
 */
export async function withoutGhosts<T extends { id: string; state: string }>(
  listed: readonly T[],
  isAbsent: (id: string) => Promise<boolean>,
): Promise<T[]> {
  const real = await Promise.all(listed.map(async ({ id, state }) => !ENDING.has(state) || !(await isAbsent(id))));
  return listed.filter((_, index) => real[index]);
}
