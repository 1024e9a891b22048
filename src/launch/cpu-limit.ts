/** More CPUs than there are: told before the engine is asked, which only says it when a container is made. */
import { InvalidOptionsError } from '../base/errors.js';

/**
 * @param there How many the engine's machine has; 0: it does not say.
 * @throws InvalidOptionsError
 */
export function checkCpus(what: string, cpus: number, there: number): void {
  if (there <= 0 || cpus <= there) return;
  throw new InvalidOptionsError(
    `${what}: limits.cpus: ${cpus} is more than the engine's machine has, which is ${there}`,
    { details: { cpus, there } },
  );
}
